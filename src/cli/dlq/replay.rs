//! How do posts go round again? As they came, to the topic that is read, each until the broker has it.
//!
//! When it has one, a marker in the topic of dead letters says so, behind the letter: whoever replays next leaves it out.
//! A replay that is killed in between leaves a few posts unmarked, which the next one sends again.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::letter::Letter;
use super::topic::Topic;
use crate::cli::Failure;
use crate::config::Config;
use crate::kafka::client::{RecordHeaders, Secrets};
use crate::kafka::publish::{MESSAGE_MAX_BYTES, REPLAY_ATTEMPTS, REPLAY_ORIGIN, REPLAYED_RECORD};

/// How long a broker that is away is waited for before the replay fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A record was not taken.
#[derive(Debug, thiserror::Error)]
#[error("topic `{topic}` did not take a record of this replay; {written} posts were written before")]
struct NotWritten {
    topic: String,
    written: u64,
    source: KafkaError,
}

/// What was handed to the client.
enum Handed {
    /// A post, with the marker that is written when the broker has it.
    Post(Marking),
    Marker,
}

/// A marker to be written.
struct Marking {
    partition: i32,
    key: String,
    headers: RecordHeaders,
}

impl Marking {
    fn of(letter: &Letter) -> Self {
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
        // A key of its own: a topic that is compacted keeps letter and marker apart.
        Self { partition: letter.place.0, key: format!("{REPLAYED_RECORD}:{record}"), headers }
    }
}

/// Counts what the broker has taken, and keeps the first thing that it has not.
struct Tally {
    written: AtomicU64,
    /// Markers of what the broker has taken: no more than the client's queue is long.
    markings: Mutex<Vec<Marking>>,
    fault: Mutex<Option<KafkaError>>,
    bar: ProgressBar,
    secrets: Secrets,
}

impl ClientContext for Tally {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    /// What matters of it comes with a delivery.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
}

impl ProducerContext for Tally {
    type DeliveryOpaque = Box<Handed>;

    fn delivery(&self, result: &DeliveryResult<'_>, handed: Box<Handed>) {
        match (result, *handed) {
            (Ok(_), Handed::Post(marking)) => {
                self.written.fetch_add(1, Ordering::Relaxed);
                locked(&self.markings).push(marking);
                self.bar.inc(1);
            }
            (Ok(_), Handed::Marker) => {}
            (Err((error, _)), _) => {
                locked(&self.fault).get_or_insert_with(|| error.clone());
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the records of these dead letters to the topic that is read. How many were written.
pub(super) fn replay(
    config: &Config,
    topic: &Topic,
    letters: &[(i32, i64)],
    shown: bool,
) -> Result<u64, Failure> {
    let mut client = ClientConfig::new();
    client
        .set("client.id", "riveg-dlq")
        .set("enable.idempotence", "true")
        // A post has its partition by its key, whoever writes it.
        .set("partitioner", "murmur2_random")
        .set("compression.codec", "lz4")
        .set("message.timeout.ms", PATIENCE.as_millis().to_string())
        .set("message.max.bytes", MESSAGE_MAX_BYTES);
    let client = config.kafka.over(client);
    let (bar, secrets) = (bar(letters.len(), shown), config.kafka.secrets());
    let tally = Tally {
        written: AtomicU64::new(0),
        markings: Mutex::default(),
        fault: Mutex::default(),
        bar,
        secrets,
    };
    let to = config.ingest.topic.as_str();
    let failed = |written, source| NotWritten { topic: to.to_owned(), written, source };
    let producer = config.kafka.client(&client, tally).map_err(|error| failed(0, error))?;
    let replay = Replay { producer, to, letters: topic.name() };
    topic.each_of(letters, |letter| {
        let headers = letter.original_headers(topic.name()).to_owned_headers();
        let handed = Box::new(Handed::Post(Marking::of(&letter)));
        let mut record: BaseRecord<'_, [u8], [u8], Box<Handed>> = BaseRecord::with_opaque_to(to, handed);
        record.headers = Some(headers);
        (record.key, record.payload) = (letter.key.as_deref(), letter.value.as_deref());
        replay.send(record)?;
        replay.mark()?;
        Ok(())
    })?;
    // Once for the posts, and once for the markers of the last of them.
    replay.flush()?;
    replay.mark()?;
    replay.flush()?;
    let tally = replay.producer.context();
    tally.bar.finish_and_clear();
    Ok(tally.written.load(Ordering::Relaxed))
}

/// A replay under way.
struct Replay<'a> {
    producer: BaseProducer<Tally>,
    /// The topic that is read.
    to: &'a str,
    /// The topic of dead letters.
    letters: &'a str,
}

impl Replay<'_> {
    /// Hands a record to the client, as soon as it has room for it.
    fn send(&self, mut record: BaseRecord<'_, [u8], [u8], Box<Handed>>) -> Result<(), NotWritten> {
        while let Err((error, back)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(self.failed(back.topic, error));
            }
            self.producer.poll(Duration::from_millis(50));
            record = back;
        }
        self.producer.poll(Duration::ZERO);
        self.fault()
    }

    /// Writes the markers of what the broker has.
    fn mark(&self) -> Result<(), NotWritten> {
        let markings = std::mem::take(&mut *locked(&self.producer.context().markings));
        for Marking { partition, key, headers } in markings {
            let headers: OwnedHeaders = headers.to_owned_headers();
            // Not empty: where a topic is compacted, nothing would delete the marker's key.
            let record = BaseRecord::with_opaque_to(self.letters, Box::new(Handed::Marker))
                .partition(partition)
                .key(key.as_bytes())
                .payload(b"replayed".as_slice())
                .headers(headers);
            self.send(record)?;
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), NotWritten> {
        let flushed = self.producer.flush(PATIENCE + PATIENCE);
        self.fault()?;
        flushed.map_err(|error| self.failed(self.to, error))
    }

    /// The first record that was not taken, if there is one.
    fn fault(&self) -> Result<(), NotWritten> {
        let fault = locked(&self.producer.context().fault).clone();
        fault.map_or(Ok(()), |error| Err(self.failed(self.to, error)))
    }

    fn failed(&self, topic: &str, source: KafkaError) -> NotWritten {
        let written = self.producer.context().written.load(Ordering::Relaxed);
        NotWritten { topic: topic.to_owned(), written, source }
    }
}

fn bar(length: usize, shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} posts, {per_sec}, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(length as u64), target).with_style(style)
}
