//! Embedded broker: librdkafka's mock cluster inside this process, for demonstrations and quick tests.
//!
//! It speaks Kafka's protocol on a local port. It keeps only the newest 5 MiB of a partition, in memory, and does not
//! verify transactions. Clients cannot create topics: use [`EmbeddedBroker::create_topic`].

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// A broker that runs as long as this value exists.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// Why the broker or a topic could not be created.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The broker did not start.
    #[error("failed to start the embedded broker")]
    Start(#[source] KafkaError),
    /// The topic was not created.
    #[error("failed to create topic `{topic}` on the embedded broker")]
    Topic {
        /// The topic.
        topic: String,
        /// The client's error.
        source: KafkaError,
    },
}

impl EmbeddedBroker {
    /// Starts a broker on a free local port.
    ///
    /// # Errors
    /// If no port can be opened.
    pub fn start() -> Result<Self, EmbeddedError> {
        Ok(Self { cluster: MockCluster::new(1).map_err(EmbeddedError::Start)? })
    }

    /// Its address, `host:port`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// If the topic exists already.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), EmbeddedError> {
        let failed = |source| EmbeddedError::Topic { topic: topic.to_owned(), source };
        self.cluster.create_topic(topic, partitions, 1).map_err(failed)
    }
}
