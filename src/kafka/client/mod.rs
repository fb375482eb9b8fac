//! Client: how every client of this process connects to Kafka: properties, secrets, tokens, and explanations of errors.
//!
//! Read `connection` first (the section `kafka` of the configuration), then `reserved_properties` and `secrets`.

mod connection_fault;
mod connection;
mod explanations;
mod headers;
mod properties;
mod rebalance;
mod reserved_properties;
mod secrets;
mod statistics;
mod token;
mod topic_name;
mod topic_partition;

pub use connection::Connection;
pub use connection_fault::{ConnectionFault, level_name};
pub use explanations::{explain, explain_error};
pub use headers::RecordHeaders;
pub use properties::{ClientProperties, is_secret};
pub use rebalance::{is_rebalance_error, mentions_rebalance};
pub use secrets::Secrets;
pub use statistics::{INTERVAL_MS as STATISTICS_INTERVAL_MS, figures};
pub use topic_name::{TOPIC_NAME, is_topic_name};
pub use topic_partition::{TopicNames, TopicPartition};
