//! Probe: requests to the brokers on a separate thread and connection, so that reading waits for no response, and no
//! response waits behind a fetch that the broker delays until there are records.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::{Client, ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

use super::{IngestError, InputTopics};
use crate::kafka::client::{Connection, Secrets, TopicPartition, level_name};
use crate::telemetry::Causes;

/// Timeout of a request. Brokers respond within milliseconds, on a busy machine within a second.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A request.
#[derive(Debug)]
pub(super) enum ProbeRequest {
    /// Which of the topics exist?
    Topics,
    /// The ends of these partitions for readers of committed records, when reading stops.
    FinalEnds(Vec<TopicPartition>),
    /// The same, to measure the lag.
    LagEnds(Vec<TopicPartition>),
}

/// A response.
#[derive(Debug)]
pub(super) enum ProbeResponse {
    /// Which topics have partitions. An error: no broker responds.
    Topics(Result<TopicsFound, KafkaError>),
    /// The offsets after the last records of partitions whose brokers responded.
    FinalEnds(BTreeMap<TopicPartition, i64>),
    /// The same.
    LagEnds(BTreeMap<TopicPartition, i64>),
}

/// Which of the input topics exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TopicsFound {
    /// Whether one of them does.
    pub(super) any: bool,
    /// Those with names that do not.
    pub(super) missing: Vec<String>,
}

/// Sends requests and receives responses later.
pub(super) struct Probe {
    requests: SyncSender<ProbeRequest>,
    responses: Receiver<ProbeResponse>,
}

impl Probe {
    /// Starts the thread, which ends with this value. It connects at the first request.
    ///
    /// # Errors
    /// If librdkafka refuses the settings or the thread does not start.
    pub(super) fn start(kafka: &Connection, topics: InputTopics) -> Result<Self, IngestError> {
        let mut client = ClientConfig::new();
        client.set("client.id", "riveg-probe").set("allow.auto.create.topics", "false");
        client.set("reconnect.backoff.max.ms", "2000");
        let context = ProbeContext { secrets: kafka.secrets() };
        // A producer, since it needs no group. Its thread fetches tokens while a request waits.
        let client: ThreadedProducer<ProbeContext> = kafka
            .client(&kafka.apply_to(client), context)
            .map_err(|source| IngestError::SetUp { topics: Box::new(topics.clone()), source })?;
        // At most one request of each kind is under way.
        let (requests, received) = sync_channel(3);
        let (respond, responses) = sync_channel(3);
        thread::Builder::new()
            .name("riveg-probe".to_owned())
            .spawn(move || {
                for request in received {
                    if respond.send(respond_to(&client, &topics, request)).is_err() {
                        break;
                    }
                }
            })
            .map_err(IngestError::Thread)?;
        Ok(Self { requests, responses })
    }

    /// Sends a request unless three are queued. Whether it was sent.
    pub(super) fn ask(&self, request: ProbeRequest) -> bool {
        self.requests.try_send(request).is_ok()
    }

    /// The next response, if one has come.
    pub(super) fn response(&self) -> Option<ProbeResponse> {
        self.responses.try_recv().ok()
    }
}

fn respond_to(
    client: &ThreadedProducer<ProbeContext>,
    topics: &InputTopics,
    request: ProbeRequest,
) -> ProbeResponse {
    let client = client.client();
    match request {
        ProbeRequest::Topics => ProbeResponse::Topics(find(client, topics)),
        ProbeRequest::FinalEnds(partitions) => ProbeResponse::FinalEnds(ends(client, partitions)),
        ProbeRequest::LagEnds(partitions) => ProbeResponse::LagEnds(ends(client, partitions)),
    }
}

fn find(client: &Client<ProbeContext>, topics: &InputTopics) -> Result<TopicsFound, KafkaError> {
    let exists = |topic: &MetadataTopic| topic.error().is_none() && !topic.partitions().is_empty();
    let mut found = TopicsFound { any: false, missing: Vec::new() };
    for name in topics.names() {
        let metadata = client.fetch_metadata(Some(name), TIMEOUT)?;
        if metadata.topics().first().is_some_and(exists) {
            found.any = true;
        } else {
            found.missing.push(name.to_owned());
        }
    }
    // A cluster may have many topics. They are asked for only where nothing else may be read.
    if !found.any && topics.patterns().next().is_some() {
        let metadata = client.fetch_metadata(None, TIMEOUT)?;
        found.any = metadata.topics().iter().any(|topic| exists(topic) && topics.has(topic.name()));
    }
    Ok(found)
}

fn ends(client: &Client<ProbeContext>, partitions: Vec<TopicPartition>) -> BTreeMap<TopicPartition, i64> {
    let mut ends = BTreeMap::new();
    for partition in partitions {
        match client.fetch_watermarks(&partition.topic, partition.partition, TIMEOUT) {
            Ok((_, end)) => {
                ends.insert(partition, end);
            }
            Err(error) => {
                // Further requests would take as long.
                tracing::debug!(error = %Causes(&error), %partition, "the end of a partition is unknown");
                break;
            }
        }
    }
    ends
}

/// The context of the probing client.
struct ProbeContext {
    secrets: Secrets,
}

impl ClientContext for ProbeContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    // The consumer reports faults of brokers.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(
            level = level_name(level),
            facility,
            message = self.secrets.redact(message),
            "librdkafka"
        );
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = %Causes(&error), reason = self.secrets.redact(reason), "probe");
    }
}

impl ProducerContext for ProbeContext {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
