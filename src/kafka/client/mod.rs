//! How does a client reach Kafka, and as whom? One set of properties, secrets and tokens for every client of the process.

mod complaint;
mod connection;
mod guarded;
mod headers;
mod properties;
mod rebalance;
mod secrets;
mod statistics;
mod token;
mod words;

pub use complaint::{Complaint, level_name};
pub use connection::Connection;
pub use headers::RecordHeaders;
pub use properties::{ClientProperties, is_secret};
pub use rebalance::{is_of_a_rebalance, tells_of_a_rebalance};
pub use secrets::Secrets;
pub use statistics::{INTERVAL_MS as STATISTICS_INTERVAL_MS, figures};
pub use words::{explained, in_words};
