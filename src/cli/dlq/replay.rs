//! Replay: the unchanged posts of dead letters, written to the topics that they came from.
//!
//! When the broker has confirmed a post, a marker is written to the dead-letter topic, behind the letter: the next replay
//! skips it. A replay that is killed in between leaves a few posts without a marker, and the next one sends them again.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::dead_letter::DeadLetter;
use super::topic_reader::DeadLetterTopic;
use crate::cli::Failure;
use crate::cli::progress;
use crate::config::Config;
use crate::kafka::client::{RecordHeaders, Secrets};
use crate::kafka::ingest::InputTopics;
use crate::kafka::publish::{MESSAGE_MAX_BYTES, REPLAY_ATTEMPTS, REPLAY_ORIGIN, REPLAYED_RECORD};

/// The time limit of a write; then the replay fails.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// A record was not written.
#[derive(Debug, thiserror::Error)]
#[error("{topics} did not take a record of this replay; {written} posts were written before")]
struct WriteError {
    topics: String,
    written: u64,
    source: KafkaError,
}

/// A record in the queue of the client.
enum SentRecord {
    /// A post, with the marker that is written when the broker has confirmed it.
    Post(PendingMarker),
    Marker,
}

/// A marker to be written.
struct PendingMarker {
    partition: i32,
    key: String,
    headers: RecordHeaders,
}

impl PendingMarker {
    fn of(letter: &DeadLetter) -> Self {
        let record = letter.record().to_hex();
        let mut headers = RecordHeaders::default();
        let attempts = letter.attempts.to_string();
        for (name, value) in [
            (REPLAYED_RECORD, record.as_str()),
            (REPLAY_ATTEMPTS, &attempts),
            (REPLAY_ORIGIN, &letter.origin),
        ] {
            headers.push(name, Some(value.as_bytes()));
        }
        // A key different from that of the letter, so that a compacted topic keeps both.
        Self { partition: letter.position.0, key: format!("{REPLAYED_RECORD}:{record}"), headers }
    }
}

/// Counts confirmed posts, and keeps the first error.
struct Deliveries {
    written: AtomicU64,
    /// Markers of confirmed posts: never more than the queue of the client holds.
    pending_markers: Mutex<Vec<PendingMarker>>,
    fault: Mutex<Option<KafkaError>>,
    bar: ProgressBar,
    secrets: Secrets,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    /// Delivery reports carry all errors that matter.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<SentRecord>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<SentRecord>) {
        match (result, *sent) {
            (Ok(_), SentRecord::Post(marker)) => {
                self.written.fetch_add(1, Ordering::Relaxed);
                locked(&self.pending_markers).push(marker);
                self.bar.inc(1);
            }
            (Ok(_), SentRecord::Marker) => {}
            (Err((error, _)), _) => {
                locked(&self.fault).get_or_insert_with(|| error.clone());
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the records of these dead letters to the topics that they came from. Returns the number of posts written.
pub(super) fn replay(
    config: &Config,
    topic: &DeadLetterTopic,
    letters: &[(i32, i64)],
) -> Result<u64, Failure> {
    let mut client = ClientConfig::new();
    client
        .set("client.id", "riveg-dlq")
        .set("enable.idempotence", "true")
        // The partition of a key is the same as for other producers.
        .set("partitioner", "murmur2_random")
        .set("compression.codec", "lz4")
        .set("message.timeout.ms", WRITE_TIMEOUT.as_millis().to_string())
        .set("message.max.bytes", MESSAGE_MAX_BYTES);
    let client = config.kafka.apply_to(client);
    let (bar, secrets) = (
        progress::bar(letters.len() as u64, "{bar:40} {pos}/{len} posts, {per_sec}, {eta} left"),
        config.kafka.secrets(),
    );
    let deliveries = Deliveries {
        written: AtomicU64::new(0),
        pending_markers: Mutex::default(),
        fault: Mutex::default(),
        bar,
        secrets,
    };
    let input = &config.ingest.topic;
    let failed = |source| WriteError { topics: input.to_string(), written: 0, source };
    let producer = config.kafka.client(&client, deliveries).map_err(failed)?;
    let replay = Replay { producer, input, letters: topic.name() };
    topic.read_at(letters, |letter| {
        // The letters were selected by their target.
        let Some(to) = letter.target(input).map(str::to_owned) else { return Ok(()) };
        let headers = letter.original_headers(topic.name()).to_owned_headers();
        let sent = Box::new(SentRecord::Post(PendingMarker::of(&letter)));
        let mut record: BaseRecord<'_, [u8], [u8], Box<SentRecord>> = BaseRecord::with_opaque_to(&to, sent);
        record.headers = Some(headers);
        (record.key, record.payload) = (letter.key.as_deref(), letter.value.as_deref());
        replay.send(record)?;
        replay.mark()?;
        Ok(())
    })?;
    // One flush for the posts, and one for the markers of the last posts.
    replay.flush()?;
    replay.mark()?;
    replay.flush()?;
    let deliveries = replay.producer.context();
    deliveries.bar.finish_and_clear();
    Ok(deliveries.written.load(Ordering::Relaxed))
}

/// A replay under way.
struct Replay<'a> {
    producer: BaseProducer<Deliveries>,
    /// The input topics.
    input: &'a InputTopics,
    /// The dead-letter topic.
    letters: &'a str,
}

impl Replay<'_> {
    /// Queues a record as soon as the queue of the client has room.
    fn send(&self, mut record: BaseRecord<'_, [u8], [u8], Box<SentRecord>>) -> Result<(), WriteError> {
        while let Err((error, back)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(self.failed(format!("topic `{}`", back.topic), error));
            }
            self.producer.poll(Duration::from_millis(50));
            record = back;
        }
        self.producer.poll(Duration::ZERO);
        self.fault()
    }

    /// Queues the markers of confirmed posts.
    fn mark(&self) -> Result<(), WriteError> {
        let pending_markers = std::mem::take(&mut *locked(&self.producer.context().pending_markers));
        for PendingMarker { partition, key, headers } in pending_markers {
            let headers: OwnedHeaders = headers.to_owned_headers();
            // The value is not null: in a compacted topic a null value would delete the key.
            let record = BaseRecord::with_opaque_to(self.letters, Box::new(SentRecord::Marker))
                .partition(partition)
                .key(key.as_bytes())
                .payload(b"replayed".as_slice())
                .headers(headers);
            self.send(record)?;
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), WriteError> {
        let flushed = self.producer.flush(WRITE_TIMEOUT + WRITE_TIMEOUT);
        self.fault()?;
        flushed.map_err(|error| self.failed(self.input.to_string(), error))
    }

    /// The first failed write, if there is one.
    fn fault(&self) -> Result<(), WriteError> {
        let fault = locked(&self.producer.context().fault).clone();
        fault.map_or(Ok(()), |error| Err(self.failed(self.input.to_string(), error)))
    }

    fn failed(&self, topics: String, source: KafkaError) -> WriteError {
        let written = self.producer.context().written.load(Ordering::Relaxed);
        WriteError { topics, written, source }
    }
}
