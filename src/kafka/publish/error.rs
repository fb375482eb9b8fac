//! Why can nothing more be written?

use rdkafka::error::KafkaError;

/// Why nothing more can be written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The settings are not what the client takes.
    #[error("failed to set up the producer for topics `{topic}` and `{dead_letter_topic}`")]
    SetUp {
        /// The topic of annotations.
        topic: String,
        /// The topic of dead letters.
        dead_letter_topic: String,
        /// What the client says.
        source: Box<KafkaError>,
    },
    /// The client is broken for good.
    #[error("the producer is broken for good: {reason}")]
    Fatal {
        /// The client's words.
        reason: String,
        /// What the client says.
        source: Box<KafkaError>,
    },
    /// Another engine has taken this one's place.
    #[error(
        "another engine runs with the transactional id `{id}`, and this one may write no more: every engine of a group \
         needs an id of its own (publish.transactional_id)"
    )]
    Fenced {
        /// The id that both use.
        id: String,
        /// What the client says.
        source: Box<KafkaError>,
    },
}
