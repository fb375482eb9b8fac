//! How do results get into Kafka? In order, idempotently; a ticket returns only when the broker has the record.
//!
//! A record that the broker refuses for a passing reason (a topic that is missing, a broker that is away) is sent again
//! until it is taken: nothing is given up, and back-pressure stops the reading. What is too large becomes a dead letter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::parcel::{Kind, Packer, Parcel};
use super::{Config, Outcome, Provenance, Record, Sequencer};
use crate::domain::RejectionClass;
use crate::ingest::{SourceRecord, Ticket};
use crate::telemetry::{Health, Metrics, Seldom};

/// Writes outcomes to Kafka.
pub struct Publisher {
    producer: ThreadedProducer<Reports>,
    reports: Receiver<Report>,
    packer: Packer,
    sequencer: Sequencer<(Arc<SourceRecord>, Record)>,
    settled: SyncSender<Ticket>,
    /// Released by the sequencer, not taken by the client or given back by it; in the order of reading again.
    unsent: BTreeMap<Place, Parcel>,
    /// Nothing is sent before that moment: the broker refused something a moment ago.
    not_before: Option<Instant>,
    in_client: usize,
    published: Published,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    warning: Seldom,
}

/// Partition, generation and sequence of a parcel's ticket.
type Place = (i32, u64, u64);

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Annotations.
    pub annotations: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

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
    /// Not even a dead letter without its value fits.
    #[error(
        "topic `{topic}` takes not even the headers of the dead letter of partition {partition}, offset {offset}"
    )]
    TooLarge {
        /// The topic of dead letters.
        topic: String,
        /// The partition of the record at fault.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
}

/// The name of this part in readiness.
const NAME: &str = "publish";
/// Between attempts to hand over what the client has no room for, or what the broker refused.
const QUEUE_FULL: Duration = Duration::from_millis(20);
const REFUSED: Duration = Duration::from_millis(500);

impl Publisher {
    /// A publisher that returns tickets to `settled`. The broker need not be there yet.
    ///
    /// # Errors
    /// Settings that the client refuses.
    pub fn new(
        config: &Config,
        provenance: Provenance,
        settled: SyncSender<Ticket>,
        (metrics, health): (Arc<Metrics>, Arc<Health>),
    ) -> Result<Self, PublishError> {
        // Room for every post in flight: a report never waits.
        let (send, reports) = mpsc::channel(config.max_posts.get());
        let producer = config.client().create_with_context(Reports(send)).map_err(|source| {
            let Config { topic, dead_letter_topic, .. } = config.clone();
            PublishError::SetUp { topic, dead_letter_topic, source: Box::new(source) }
        })?;
        metrics.know_output_topics(&[&config.topic, &config.dead_letter_topic]);
        metrics.know_dead_letter_classes(&RejectionClass::ALL.map(RejectionClass::as_str));
        Ok(Self {
            producer,
            reports,
            packer: Packer::new(config, provenance),
            sequencer: Sequencer::default(),
            settled,
            unsent: BTreeMap::new(),
            not_before: None,
            in_client: 0,
            published: Published::default(),
            metrics,
            health,
            warning: Seldom::new(Duration::from_secs(30)),
        })
    }

    /// Writes until the channel is closed and all is delivered, or until `abort` is cancelled.
    ///
    /// # Errors
    /// Where nothing more can be written. Tickets of what was not delivered are lost with it.
    pub async fn run(
        mut self,
        mut outcomes: Receiver<Outcome>,
        abort: CancellationToken,
    ) -> Result<Published, PublishError> {
        let mut open = true;
        while open || self.in_client > 0 || !self.unsent.is_empty() {
            let next_attempt = tokio::time::sleep(self.until_next_attempt());
            tokio::select! {
                () = abort.cancelled() => break,
                Some(report) = self.reports.recv() => self.reported(report)?,
                () = next_attempt, if !self.unsent.is_empty() => {}
                outcome = outcomes.recv(), if open && self.unsent.is_empty() => match outcome {
                    Some(outcome) => self.accept(outcome),
                    None => open = false,
                },
            }
            self.send()?;
        }
        let (undelivered, waiting) = (self.in_client + self.unsent.len(), self.sequencer.waiting());
        info!(?self.published, undelivered, waiting, "writing has ended");
        let published = self.published;
        // Dropping the client joins its thread.
        let dropped = tokio::task::spawn_blocking(move || drop(self)).await;
        if let Err(fault) = dropped {
            error!(%fault, "the producer did not end in order");
        }
        Ok(published)
    }

    fn accept(&mut self, outcome: Outcome) {
        let Outcome { source, record, ticket } = outcome;
        let released = self.sequencer.push(ticket, (source, record));
        for (ticket, _) in released.overtaken {
            self.settle(ticket);
        }
        let now = SystemTime::now();
        for (ticket, (source, record)) in released.in_order {
            let parcel = self.packer.pack(Outcome { source, record, ticket }, now);
            self.put_back(parcel);
        }
    }

    /// Hands over to the client what it has room for.
    fn send(&mut self) -> Result<(), PublishError> {
        if self.not_before.is_some_and(|moment| Instant::now() < moment) {
            return Ok(());
        }
        self.not_before = None;
        while let Some((_, parcel)) = self.unsent.pop_first() {
            let (topic, key, value) = (parcel.topic.clone(), parcel.key.clone(), parcel.value.clone());
            let headers = parcel.headers.clone();
            let mut record = BaseRecord::with_opaque_to(&topic, Box::new(parcel)).headers(headers);
            record.key = key.as_deref();
            record.payload = value.as_deref();
            match self.producer.send(record) {
                Ok(()) => self.in_client += 1,
                Err((error, BaseRecord { delivery_opaque: parcel, .. })) => {
                    self.refused(*parcel, &error)?;
                    if self.not_before.is_some() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn reported(&mut self, Report { parcel, error }: Report) -> Result<(), PublishError> {
        self.in_client -= 1;
        match error {
            None => {
                self.delivered(*parcel);
                Ok(())
            }
            Some(error) => self.refused(*parcel, &error),
        }
    }

    fn delivered(&mut self, parcel: Parcel) {
        self.metrics.produced(&parcel.topic);
        match &parcel.kind {
            Kind::Annotation => self.published.annotations += 1,
            Kind::DeadLetter(rejection) => {
                self.published.dead_letters += 1;
                self.metrics.dead_letter(rejection.class.as_str());
            }
        }
        if let Some(age) = parcel.source.timestamp.and_then(age) {
            self.metrics.delivered(age);
        }
        self.settle(parcel.ticket);
        self.warning.reset();
        self.health.waits_no_more(NAME);
    }

    /// The client or the broker does not take the parcel: it takes its place again, smaller if it was too large.
    fn refused(&mut self, parcel: Parcel, error: &KafkaError) -> Result<(), PublishError> {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            self.health.is_lost(&format!("the producer is broken for good: {reason}"));
            return Err(PublishError::Fatal {
                reason,
                source: Box::new(KafkaError::MessageProduction(code)),
            });
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => {
                self.not_before = Some(Instant::now() + QUEUE_FULL);
                self.put_back(parcel);
            }
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
                let topic = parcel.topic.clone();
                let smaller = self.packer.smaller(parcel).map_err(|ticket| PublishError::TooLarge {
                    topic: topic.to_string(),
                    partition: ticket.partition(),
                    offset: ticket.offset(),
                })?;
                self.put_back(smaller);
            }
            _ => {
                if self.warning.is_due(Instant::now()) {
                    warn!(%error, topic = &*parcel.topic, "the broker does not take a record; still trying");
                }
                self.health.waits(NAME, format!("topic `{}` takes no records: {error}", parcel.topic));
                self.not_before = Some(Instant::now() + REFUSED);
                self.put_back(parcel);
            }
        }
        Ok(())
    }

    fn put_back(&mut self, parcel: Parcel) {
        let ticket = &parcel.ticket;
        self.unsent.insert((ticket.partition(), ticket.generation(), ticket.sequence()), parcel);
    }

    fn settle(&self, ticket: Ticket) {
        if self.settled.send(ticket).is_err() {
            debug!("nobody waits for tickets any more");
        }
    }

    fn until_next_attempt(&self) -> Duration {
        self.not_before.map_or(Duration::ZERO, |moment| moment.saturating_duration_since(Instant::now()))
    }
}

/// How old a record of that timestamp is; none if it comes from the future.
fn age(timestamp: i64) -> Option<Duration> {
    let written = UNIX_EPOCH + Duration::from_millis(u64::try_from(timestamp).ok()?);
    SystemTime::now().duration_since(written).ok()
}

/// The delivery of one parcel.
struct Report {
    parcel: Box<Parcel>,
    error: Option<KafkaError>,
}

/// Sends delivery reports to the publisher.
struct Reports(mpsc::Sender<Report>);

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(?level, facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Whatever hinders a delivery comes with its report; until then the client keeps trying.
        debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Parcel>;

    fn delivery(&self, result: &DeliveryResult<'_>, parcel: Box<Parcel>) {
        let error = result.as_ref().err().map(|(error, _)| error.clone());
        if self.0.try_send(Report { parcel, error }).is_err() {
            debug!("the publisher has ended before this delivery");
        }
    }
}
