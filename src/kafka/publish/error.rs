//! Publish errors: why this process cannot write any more.

use rdkafka::error::KafkaError;

/// Why this process cannot write any more.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// librdkafka refuses the settings.
    #[error("failed to set up the producer for topics `{topic}` and `{dead_letter_topic}`")]
    SetUp {
        /// The output topic.
        topic: String,
        /// The dead-letter topic.
        dead_letter_topic: String,
        /// The client's error.
        source: Box<KafkaError>,
    },
    /// The producer reports a fatal error.
    #[error("the producer is broken for good: {reason}")]
    Fatal {
        /// The client's message.
        reason: String,
        /// The client's error.
        source: Box<KafkaError>,
    },
    /// Another engine uses the same transactional id.
    #[error(
        "another engine runs with the transactional id `{id}`, and this one may write no more: every engine of a group \
         needs an id of its own (publish.transactional_id)"
    )]
    Fenced {
        /// The id that both use.
        id: String,
        /// The client's error.
        source: Box<KafkaError>,
    },
}
