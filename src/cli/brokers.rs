//! Brokers: read-only questions about the brokers and topics that the engine needs.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

use crate::kafka::client::{Connection, ConnectionFault, Secrets, explain};

/// The time limit of an answer: long for a network, short for a user at a terminal.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to the brokers, opened by the first question. It is a producer, which needs no group; nothing is sent.
/// The client has a thread, which delivers errors and fetches tokens while a question waits.
pub(super) struct Brokers {
    client: ThreadedProducer<FaultRecorder>,
    bootstrap: String,
}

/// Why the brokers did not answer a question.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokerError {
    #[error("the properties in kafka.properties are not those of librdkafka")]
    Properties(#[source] KafkaError),
    #[error("the brokers of `{bootstrap}` do not let us in: {reason}")]
    AccessDenied { bootstrap: String, reason: String },
    #[error("no broker of `{bootstrap}` answered within {} s{last}", PATIENCE.as_secs())]
    Unreachable { bootstrap: String, last: String, source: Box<KafkaError> },
    #[error("it does not exist; create it, or name another one")]
    Missing,
    #[error("the brokers refuse it: {}", explain(&.0.to_string()))]
    Refused(RDKafkaErrorCode),
}

impl Brokers {
    pub(super) fn new(kafka: &Connection) -> Result<Self, BrokerError> {
        let mut config = ClientConfig::new();
        config.set("client.id", "riveg-check");
        let mut config = kafka.apply_to(config);
        // A producer would create a topic by default when it asks for it.
        config.set("allow.auto.create.topics", "false");
        let context = FaultRecorder::new(kafka.secrets());
        let client = kafka.client(&config, context).map_err(BrokerError::Properties)?;
        Ok(Self { client, bootstrap: kafka.bootstrap.clone() })
    }

    /// The number of brokers, and the number of partitions of a topic if it exists.
    pub(super) fn topic(&self, topic: &str) -> Result<(usize, Result<usize, BrokerError>), BrokerError> {
        let metadata = self
            .client
            .client()
            .fetch_metadata(Some(topic), PATIENCE)
            .map_err(|source| self.unreachable(source))?;
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

    /// The names of all topics, in their order.
    pub(super) fn topics(&self) -> Result<Vec<String>, BrokerError> {
        let metadata =
            self.client.client().fetch_metadata(None, PATIENCE).map_err(|source| self.unreachable(source))?;
        let mut names: Vec<String> = metadata.topics().iter().map(|topic| topic.name().to_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// The largest batch of records that each topic accepts, in bytes; none if the brokers do not tell.
    pub(super) async fn max_message_bytes(kafka: &Connection, topics: &[String]) -> Vec<Option<u64>> {
        let mut config = ClientConfig::new();
        config.set("client.id", "riveg-check");
        let context = FaultRecorder::new(kafka.secrets());
        let asked: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let described = match kafka.client::<_, AdminClient<_>>(&kafka.apply_to(config), context) {
            Ok(client) => client.describe_configs(&asked, &options).await,
            Err(error) => Err(error),
        };
        // Results have the order of the questions.
        let mut described = described.unwrap_or_default().into_iter();
        let limit = |_| described.next()?.ok()?.get("max.message.bytes")?.value.as_ref()?.parse().ok();
        topics.iter().map(limit).collect()
    }

    /// The last error of the client explains more than the timeout.
    fn unreachable(&self, source: KafkaError) -> BrokerError {
        let bootstrap = self.bootstrap.clone();
        let last = self.client.context().last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last {
            Some(ConnectionFault { is_access_denied: true, message: reason }) => {
                BrokerError::AccessDenied { bootstrap, reason: explain(&reason) }
            }
            last => {
                let last = last.map(|last| format!(": {}", explain(&last.message))).unwrap_or_default();
                BrokerError::Unreachable { bootstrap, last, source: Box::new(source) }
            }
        }
    }
}

/// Records the last connection error of the client, without secrets.
pub(super) struct FaultRecorder {
    secrets: Secrets,
    last: Mutex<Option<ConnectionFault>>,
}

impl FaultRecorder {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { secrets, last: Mutex::default() }
    }

    fn record(&self, fault: Option<ConnectionFault>) {
        if let Some(fault) = fault {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        }
    }
}

impl ClientContext for FaultRecorder {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    /// The log of the client repeats its errors, except for closed connections.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.record(ConnectionFault::of_log(level, facility, &self.secrets.redact(message)));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let reason = self.secrets.redact(reason);
        // The error that all brokers are down names no connection and says less.
        self.record(error.rdkafka_error_code().and_then(|code| ConnectionFault::of_error(code, &reason)));
    }
}

impl ConsumerContext for FaultRecorder {}

impl ProducerContext for FaultRecorder {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;

    fn brokers(bootstrap: &str) -> Brokers {
        Brokers::new(&Connection::to(bootstrap)).unwrap()
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
        // No process listens at the first port, and no other test is given it.
        let port = 1;
        let error = brokers(&format!("127.0.0.1:{port}")).topic("any").unwrap_err().to_string();
        assert!(
            error.contains(&format!(
                "no broker of `127.0.0.1:{port}` answered within 5 s: no process listens there"
            )),
            "{error}"
        );
        assert!(error.contains("refused"), "{error}");
    }

    #[test]
    fn properties_that_librdkafka_does_not_know_are_refused() {
        let mut kafka = Connection::to("localhost:1");
        kafka.properties.insert("no.such.property".to_owned(), "1".to_owned());
        let error = Brokers::new(&kafka).err().unwrap();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("no.such.property"));
    }
}
