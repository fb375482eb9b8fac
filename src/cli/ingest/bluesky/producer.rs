//! Producer: writes events to the topic, knows up to which time the broker has everything, and says when there is room.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::position::CURSOR;
use super::unacknowledged::Unacknowledged;
use crate::kafka::client::{Connection, Secrets};
use crate::kafka::publish::MESSAGE_MAX_BYTES;
use crate::telemetry::{Causes, FeedEvent, FeedMetrics};

/// How long the end waits for the broker. Then the next run reads again what is not confirmed.
const FLUSH: Duration = Duration::from_secs(30);

/// The wait for room in the client's queue, which is far larger than what may be unacknowledged.
const QUEUE_FULL: Duration = Duration::from_millis(10);

/// The topic does not take events.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("the topic `{topic}` did not take an event; the next run begins with it")]
    Refused { topic: String, source: KafkaError },
    #[error("{events} events were not confirmed by the broker within {} s; the next run begins with them", FLUSH.as_secs())]
    Unconfirmed { events: usize },
}

/// Writes to one topic.
pub(super) struct TopicWriter {
    topic: String,
    producer: ThreadedProducer<Deliveries>,
}

/// What the client says of records.
struct Deliveries {
    unacknowledged: Mutex<Unacknowledged>,
    fault: Mutex<Option<KafkaError>>,
    written: AtomicU64,
    /// Wakes the reader when there is room, or a fault.
    changed: Notify,
    metrics: FeedMetrics,
    secrets: Secrets,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deliveries {
    /// The broker has the event, or never takes it.
    fn settled(&self, number: u64, as_what: FeedEvent) {
        self.metrics.event(as_what);
        let waiting = {
            let mut unacknowledged = locked(&self.unacknowledged);
            unacknowledged.done(number);
            unacknowledged.len()
        };
        self.metrics.unacknowledged(waiting);
        self.changed.notify_one();
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, message = self.secrets.redact(message), "kafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let reason = self.secrets.redact(reason);
        warn!(error = %Causes(&error), reason, "the broker is not well; events wait");
    }
}

impl ProducerContext for Deliveries {
    /// The number of the event.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(_) => {
                self.written.fetch_add(1, Ordering::Relaxed);
                self.settled(number as u64, FeedEvent::Written);
            }
            Err((error, _)) if is_too_large(error) => self.settled(number as u64, FeedEvent::TooLarge),
            Err((error, _)) => {
                locked(&self.fault).get_or_insert_with(|| error.clone());
                self.changed.notify_one();
            }
        }
    }
}

fn is_too_large(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize))
}

impl TopicWriter {
    /// # Errors
    /// A property that librdkafka refuses.
    pub(super) fn new(kafka: &Connection, topic: &str, metrics: FeedMetrics) -> Result<Self, WriteError> {
        let mut client = ClientConfig::new();
        client
            .set("client.id", "riveg-ingest")
            .set("enable.idempotence", "true")
            // The partition of a key is the same as for other producers.
            .set("partitioner", "murmur2_random")
            .set("compression.codec", "lz4")
            .set("linger.ms", "20")
            // A broker that is away is waited for: events of the feed can be read again for a day.
            .set("message.timeout.ms", "0")
            .set("message.max.bytes", MESSAGE_MAX_BYTES);
        let deliveries = Deliveries {
            unacknowledged: Mutex::default(),
            fault: Mutex::default(),
            written: AtomicU64::new(0),
            changed: Notify::new(),
            metrics,
            secrets: kafka.secrets(),
        };
        let producer = kafka
            .client(&kafka.apply_to(client), deliveries)
            .map_err(|source| WriteError::Refused { topic: topic.to_owned(), source })?;
        Ok(Self { topic: topic.to_owned(), producer })
    }

    fn deliveries(&self) -> &Deliveries {
        self.producer.context()
    }

    /// Waits until another event may be sent. Returns whether it had to wait.
    ///
    /// # Errors
    /// The topic did not take an event.
    pub(super) async fn room(&self) -> Result<bool, WriteError> {
        let mut has_waited = false;
        loop {
            if let Some(source) = locked(&self.deliveries().fault).clone() {
                return Err(WriteError::Refused { topic: self.topic.clone(), source });
            }
            if locked(&self.deliveries().unacknowledged).has_room() {
                return Ok(has_waited);
            }
            has_waited = true;
            self.deliveries().changed.notified().await;
        }
    }

    /// Sends an event.
    ///
    /// # Errors
    /// The client does not take it.
    pub(super) async fn send(&self, time: u64, key: &str, value: &str) -> Result<(), WriteError> {
        let (cursor, number) = {
            let mut unacknowledged = locked(&self.deliveries().unacknowledged);
            let number = unacknowledged.push(time, key.len() + value.len());
            self.deliveries().metrics.unacknowledged(unacknowledged.len());
            (unacknowledged.cursor().unwrap_or_default().to_string(), number)
        };
        let header = Header { key: CURSOR, value: Some(&cursor) };
        let mut record = BaseRecord::with_opaque_to(&self.topic, number as usize)
            .key(key)
            .payload(value)
            .headers(OwnedHeaders::new().insert(header));
        while let Err((error, back)) = self.producer.send(record) {
            if is_too_large(&error) {
                self.deliveries().settled(number, FeedEvent::TooLarge);
                return Ok(());
            }
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(WriteError::Refused { topic: self.topic.clone(), source: error });
            }
            record = back;
            sleep(QUEUE_FULL).await;
        }
        Ok(())
    }

    /// An event was read that is not written.
    pub(super) fn passed(&self, time: u64) {
        locked(&self.deliveries().unacknowledged).passed(time);
    }

    /// The time up to which the broker has everything.
    pub(super) fn cursor(&self) -> Option<u64> {
        locked(&self.deliveries().unacknowledged).cursor()
    }

    /// Records that the broker has confirmed.
    pub(super) fn written(&self) -> u64 {
        self.deliveries().written.load(Ordering::Relaxed)
    }

    /// Waits for the broker's confirmations.
    ///
    /// # Errors
    /// Events that were not confirmed.
    pub(super) fn flush(&self) -> Result<(), WriteError> {
        // What is left is counted below.
        let _ = self.producer.flush(FLUSH);
        match locked(&self.deliveries().unacknowledged).len() {
            0 => Ok(()),
            events => Err(WriteError::Unconfirmed { events }),
        }
    }
}
