//! How do posts go round again? As they came, to the topic that is read, each until the broker has it.

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::topic::Topic;
use crate::cli::Failure;
use crate::config::Config;
use crate::kafka::Secrets;

/// How long a broker that is away is waited for before the replay fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A record was not taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "topic `{topic}` did not take a replayed post; {written} were written before, and can be left out of the next replay \
     with --since or --contains"
)]
struct NotWritten {
    topic: String,
    written: u64,
    source: KafkaError,
}

/// Counts what the broker has taken, and keeps the first thing that it has not.
struct Tally {
    written: AtomicU64,
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
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.written.fetch_add(1, Ordering::Relaxed);
                self.bar.inc(1);
            }
            Err((error, _)) => {
                let mut fault = self.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                fault.get_or_insert_with(|| error.clone());
            }
        }
    }
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
        .set("message.max.bytes", "67108864");
    let client = config.kafka.over(client);
    let to = &config.ingest.topic;
    let failed = |written, source| NotWritten { topic: to.clone(), written, source };
    let (bar, secrets) = (bar(letters.len(), shown), config.kafka.secrets());
    let tally = Tally { written: AtomicU64::new(0), fault: Mutex::default(), bar, secrets };
    let producer: BaseProducer<Tally> =
        config.kafka.client(&client, tally).map_err(|error| failed(0, error))?;
    let fault = |producer: &BaseProducer<Tally>| {
        let tally = producer.context();
        let fault = tally.fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        fault.map_or(Ok(()), |source| Err(failed(tally.written.load(Ordering::Relaxed), source)))
    };
    topic.each_of(letters, |letter| {
        let headers = letter.original_headers(topic.name());
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(to).headers(headers);
        (record.key, record.payload) = (letter.key(), letter.value());
        while let Err((error, back)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(failed(producer.context().written.load(Ordering::Relaxed), error).into());
            }
            producer.poll(Duration::from_millis(50));
            record = back;
        }
        producer.poll(Duration::ZERO);
        Ok(fault(&producer)?)
    })?;
    let flushed = producer.flush(PATIENCE + PATIENCE);
    fault(&producer)?;
    let written = producer.context().written.load(Ordering::Relaxed);
    flushed.map_err(|error| failed(written, error))?;
    producer.context().bar.finish_and_clear();
    Ok(written)
}

fn bar(length: usize, shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} posts, {per_sec}, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(length as u64), target).with_style(style)
}
