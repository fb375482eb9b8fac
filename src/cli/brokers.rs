//! Is Kafka there? Asks the brokers for the topics that the engine needs, changing nothing.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use crate::config::Kafka;

/// How long a broker may take to answer: long for a network, short for who waits before a terminal.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to the brokers, made at the first question. A producer, since that needs no group, and nothing is sent.
pub(super) struct Brokers {
    client: BaseProducer<Remembering>,
    bootstrap: String,
}

/// Why a question to the brokers has no good answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokerError {
    #[error("the properties in kafka.properties are not those of librdkafka")]
    Properties(#[source] KafkaError),
    #[error("no broker of `{bootstrap}` answered within {} s{last}", PATIENCE.as_secs())]
    Away { bootstrap: String, last: String, source: Box<KafkaError> },
    #[error("it does not exist; create it, or name another one")]
    Missing,
    #[error("the brokers say: {0}")]
    Refused(RDKafkaErrorCode),
}

impl Brokers {
    pub(super) fn new(kafka: &Kafka) -> Result<Self, BrokerError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &kafka.bootstrap).set("client.id", "riveg-check");
        for (name, value) in kafka.properties.iter() {
            config.set(name, value);
        }
        // Asking for a topic must not make it, which a producer would do by default.
        config.set("allow.auto.create.topics", "false");
        let client = config.create_with_context(Remembering::default()).map_err(BrokerError::Properties)?;
        Ok(Self { client, bootstrap: kafka.bootstrap.clone() })
    }

    /// How many brokers there are, and how many partitions a topic has, if it exists.
    pub(super) fn topic(&self, topic: &str) -> Result<(usize, Result<usize, BrokerError>), BrokerError> {
        let metadata =
            self.client.client().fetch_metadata(Some(topic), PATIENCE).map_err(|source| self.away(source))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = match found.and_then(|found| found.error()).map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                Err(BrokerError::Missing)
            }
            Some(code) => Err(BrokerError::Refused(code)),
            None => match found.map_or(0, |found| found.partitions().len()) {
                0 => Err(BrokerError::Missing),
                partitions => Ok(partitions),
            },
        };
        Ok((metadata.brokers().len(), partitions))
    }

    /// The client's own last complaint says more than that time was up.
    fn away(&self, source: KafkaError) -> BrokerError {
        // Complaints reach the context only when events are served.
        self.client.poll(Duration::from_millis(10));
        let last = self.client.context().last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let last = last.map(|last| format!(" ({last})")).unwrap_or_default();
        BrokerError::Away { bootstrap: self.bootstrap.clone(), last, source: Box::new(source) }
    }
}

/// Remembers what the client complained of last.
#[derive(Default)]
struct Remembering {
    last: Mutex<Option<String>>,
}

impl ClientContext for Remembering {
    /// The client's own log would say the same again, in other words.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        // That none is left follows from what was said before, and says less.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            return;
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}

impl ProducerContext for Remembering {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::config::ClientProperties;

    fn brokers(bootstrap: &str) -> Brokers {
        let kafka = Kafka { bootstrap: bootstrap.to_owned(), properties: ClientProperties::default() };
        Brokers::new(&kafka).unwrap()
    }

    #[test]
    fn a_topic_that_exists_has_partitions_and_one_that_does_not_is_missing() {
        let cluster = MockCluster::new(2).unwrap();
        cluster.create_topic("there", 3, 1).unwrap();
        let brokers = brokers(&cluster.bootstrap_servers());
        let (count, partitions) = brokers.topic("there").unwrap();
        assert_eq!((count, partitions.unwrap()), (2, 3));
    }

    #[test]
    fn a_broker_that_is_away_is_named_with_what_the_client_says() {
        // A port that was free a moment ago: nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = brokers(&format!("127.0.0.1:{port}")).topic("any").unwrap_err().to_string();
        assert!(error.contains(&format!("no broker of `127.0.0.1:{port}` answered within 5 s (")), "{error}");
        assert!(error.contains("refused"), "{error}");
    }

    #[test]
    fn properties_that_librdkafka_does_not_know_are_refused() {
        let properties = toml::from_str("\"no.such.property\" = \"1\"").unwrap();
        let error = Brokers::new(&Kafka { bootstrap: "localhost:1".to_owned(), properties }).err().unwrap();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("no.such.property"));
    }
}
