//! What do the brokers say when they are asked aside? On a thread and connection of its own: reading waits for no answer,
//! and no answer waits behind a fetch that the broker holds back until there are records.

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
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

use super::{Config, IngestError};
use crate::kafka::client::{Secrets, level_name};
use crate::telemetry::Causes;

/// How long an answer is waited for: brokers give it within milliseconds, on a busy machine within a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Debug)]
pub(super) enum Question {
    /// Is the topic there?
    Topic,
    /// Where do these partitions end, for those who read what is committed?
    Ends(Vec<i32>),
    /// The same, to know how far behind this engine is.
    LogEnds(Vec<i32>),
}

/// What was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// Whether the topic has partitions; an error: nobody answers.
    Topic(Result<bool, KafkaError>),
    /// The offsets after the last records, of the partitions whose brokers answered.
    Ends(BTreeMap<i32, i64>),
    /// The same.
    LogEnds(BTreeMap<i32, i64>),
}

/// Asks, and hears later.
pub(super) struct Probe {
    questions: SyncSender<Question>,
    answers: Receiver<Answer>,
}

impl Probe {
    /// Starts the thread, which ends with this value. A broker is connected to at the first question.
    ///
    /// # Errors
    /// Settings that the client refuses, a thread that does not start.
    pub(super) fn start(config: &Config) -> Result<Self, IngestError> {
        let mut client = ClientConfig::new();
        client.set("client.id", "riveg-probe").set("allow.auto.create.topics", "false");
        client.set("reconnect.backoff.max.ms", "2000");
        let topic = config.topic.clone();
        let aside = Aside { secrets: config.kafka.secrets() };
        // A producer, since that needs no group; its thread fetches tokens while a question waits.
        let client: ThreadedProducer<Aside> = config
            .kafka
            .client(&config.kafka.over(client), aside)
            .map_err(|source| IngestError::SetUp { topic: topic.clone(), source })?;
        // One question of each kind is under way at one time.
        let (questions, asked) = sync_channel(3);
        let (answer, answers) = sync_channel(3);
        thread::Builder::new()
            .name("riveg-probe".to_owned())
            .spawn(move || {
                for question in asked {
                    if answer.send(ask(&client, &topic, question)).is_err() {
                        break;
                    }
                }
            })
            .map_err(IngestError::Thread)?;
        Ok(Self { questions, answers })
    }

    /// Asks, unless three questions wait already. Whether it did.
    pub(super) fn ask(&self, question: Question) -> bool {
        self.questions.try_send(question).is_ok()
    }

    /// What was answered since.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

fn ask(client: &ThreadedProducer<Aside>, topic: &str, question: Question) -> Answer {
    let client = client.client();
    match question {
        Question::Topic => Answer::Topic(client.fetch_metadata(Some(topic), PATIENCE).map(|metadata| {
            let topic = metadata.topics().first();
            topic.is_some_and(|topic| topic.error().is_none() && !topic.partitions().is_empty())
        })),
        Question::Ends(partitions) => Answer::Ends(ends(client, topic, &partitions)),
        Question::LogEnds(partitions) => Answer::LogEnds(ends(client, topic, &partitions)),
    }
}

fn ends(client: &Client<Aside>, topic: &str, partitions: &[i32]) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for &partition in partitions {
        match client.fetch_watermarks(topic, partition, PATIENCE) {
            Ok((_, end)) => {
                ends.insert(partition, end);
            }
            Err(error) => {
                // The others would be waited for as long.
                tracing::debug!(error = %Causes(&error), partition, "the end of a partition is not known");
                break;
            }
        }
    }
    ends
}

/// The context of a client that only asks.
struct Aside {
    secrets: Secrets,
}

impl ClientContext for Aside {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    // What is wrong with the brokers, the consumer says.
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

impl ProducerContext for Aside {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
