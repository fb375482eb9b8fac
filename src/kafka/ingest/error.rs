//! Ingest errors: why reading could not start or continue.

use std::time::Duration;

use rdkafka::error::KafkaError;

use super::InputTopics;

/// Timeout of the last commit. A reachable broker answers a commit in milliseconds.
pub(super) const FINAL_COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why reading could not start or continue.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// librdkafka refuses the settings.
    #[error("failed to set up the consumer of {topics}")]
    SetUp {
        /// The input topics.
        topics: Box<InputTopics>,
        /// The client's error.
        source: KafkaError,
    },
    /// The thread could not be started.
    #[error("failed to start the reading thread")]
    Thread(#[source] std::io::Error),
    /// The consumer reports a fatal error.
    #[error("failed to read {topics}")]
    Read {
        /// The input topics.
        topics: Box<InputTopics>,
        /// The client's error.
        source: KafkaError,
    },
    /// The next record was deleted, and `ingest.on_data_loss` is `stop`.
    #[error(
        "offset {position} of partition {partition} of topic `{topic}` was to be read next, and the log holds {start} to \
         {end} only; to go on without what is lost, set ingest.on_data_loss to `continue` or move the group's offset"
    )]
    Lost {
        /// The input topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// The offset of the next record.
        position: i64,
        /// The offset of the oldest record in the log.
        start: i64,
        /// The offset after the newest record.
        end: i64,
    },
    /// The rest of the engine has ended: records are not received or tickets not returned.
    #[error("the rest of the engine has ended before the reading of {topics}")]
    Disconnected {
        /// The input topics.
        topics: Box<InputTopics>,
    },
    /// The last offsets may not be committed: some posts may be answered twice.
    #[error("failed to commit the last offsets of {topics} within {} s", FINAL_COMMIT_TIMEOUT.as_secs())]
    FinalCommit {
        /// The input topics.
        topics: Box<InputTopics>,
    },
}
