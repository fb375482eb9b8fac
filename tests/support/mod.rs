//! Test support: the binary, brokers, topics, clients, records, Redis, a server of Jetstream, a Schema Registry,
//! Prometheus, Chromium, code without comments, photographs, the pocket world, and waiting for conditions.

mod acl;
mod binary;
mod broker;
pub(crate) mod chromium;
mod clients;
pub(crate) mod hub;
pub(crate) mod jetstream;
mod kafka_request;
pub(crate) mod llm;
pub(crate) mod photographs;
mod plain_code;
mod pocket;
mod prometheus;
mod raw_record;
mod records;
mod redis;
mod registry;
mod same_answer;
pub(crate) mod tiny;
mod wait;

pub(crate) use self::prometheus::{Prometheus, Sample};
pub(crate) use self::redis::Redis;
pub(crate) use self::registry::{LocalRegistry, Trouble};
pub(crate) use acl::{Operation, Resource, allow_only};
pub(crate) use binary::{Finished, Process, binary, get, riveg};
pub(crate) use broker::{Forwarder, OwnBroker, broker, own_broker, unique};
pub(crate) use clients::{
    Writer, commit, committed, create_topic, create_topic_with, delete_records, delete_topic, header,
    log_end, read, read_committed,
};
pub(crate) use plain_code::without_comments_and_literals;
pub(crate) use pocket::{pocket_bundle, pocket_posts};
pub(crate) use raw_record::write_with_unreadable_header;
pub(crate) use records::{answered_records, pictures, post, refused_records};
pub(crate) use same_answer::assert_same_answer;
pub(crate) use tiny::{take_joint, write_bundle, write_stage};
pub(crate) use wait::{WITHIN, until};
