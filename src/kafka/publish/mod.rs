//! Publish: annotations and dead letters to Kafka, in the order of the input.
//!
//! Read [`Outcome`] and [`Sequencer`] first (restores the order), then `formats` (annotation to records: the place to
//! add an output format), `record_builder` and `pending_records` (records until their delivery), then the two writers
//! `at_least_once` and `exactly_once`. [`Publisher`] is the entry point.

mod post_facts;
mod annotated;
mod include;
mod outcome;
mod sequencer;
pub mod formats;

mod config;
mod output_config;
mod outputs;
mod schema_ids;
mod error;
mod carry;
mod cloud_event;
mod replay_history;
mod truncation;
mod dead_letter;
mod post_id;
mod outgoing_record;
mod record_builder;
mod pending_records;

mod delivery_progress;
mod delivery_reports;
mod at_least_once;
mod transaction;
mod exactly_once;
mod publisher;
mod embedded_broker;

#[cfg(test)]
mod samples;

pub use annotated::{Annotated, MediaInfo, Provenance};
pub use config::{Config, Delivery, DeliveryMode, KeyOf, MESSAGE_MAX_BYTES, TimestampOf};
pub use dead_letter::{HEADER_PREFIX, MAX_TRUNCATED_LETTER, RENAMED_HEADER_PREFIX};
pub use embedded_broker::{EmbeddedBroker, EmbeddedError};
pub use error::PublishError;
pub use include::Include;
pub use outcome::{Answer, Outcome, Published};
pub use output_config::{BoxUnit, MaskForm, OutputConfig, Shape};
pub use outputs::{MAIN_OUTPUT, OUTPUT_TEMPLATE};
pub use post_facts::PostFacts;
pub use publisher::Publisher;
pub use record_builder::KEY_ADDED_HEADER;
pub use replay_history::{REPLAY_ATTEMPTS, REPLAY_ORIGIN, REPLAYED_FROM, REPLAYED_RECORD};
pub use schema_ids::{OutputStanding, SchemaIds, standings};
pub use sequencer::{Released, Sequencer};
