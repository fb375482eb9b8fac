//! A broker inside this process, for demonstrations and quick tests: librdkafka's mock cluster.
//!
//! It speaks Kafka's protocol over a local port, but keeps only the newest 5 MiB of a partition, in memory, and verifies
//! nothing of transactions. It cannot create topics on request of a client: use [`EmbeddedBroker::create_topic`].

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// A broker that lives as long as this value.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// Why there is no embedded broker or topic.
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
        /// What the client says.
        source: KafkaError,
    },
}

impl EmbeddedBroker {
    /// Starts one on a free port of this machine.
    ///
    /// # Errors
    /// Where no port can be opened.
    pub fn start() -> Result<Self, EmbeddedError> {
        Ok(Self { cluster: MockCluster::new(1).map_err(EmbeddedError::Start)? })
    }

    /// Where it listens, `host:port`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// A topic of that name that is there already.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), EmbeddedError> {
        let failed = |source| EmbeddedError::Topic { topic: topic.to_owned(), source };
        self.cluster.create_topic(topic, partitions, 1).map_err(failed)
    }
}
