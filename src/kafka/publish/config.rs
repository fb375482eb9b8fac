//! The section `publish` of the configuration, and what it asks of the producer.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use super::dead_letter::HEADER_PREFIX;
use super::include::Include;
use super::output_config::{BoxUnit, MaskForm, OutputConfig, Shape};
use crate::kafka::client::{Connection, STATISTICS_INTERVAL_MS, TOPIC_NAME, is_topic_name};

/// How results are written to Kafka.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Topic of annotations.
    pub topic: String,
    /// Topic of posts that could not be annotated.
    pub dead_letter_topic: String,
    /// Delivery guarantee.
    pub delivery: DeliveryMode,
    /// Name of the transactional producer; empty: [`Config::transactional_id`] makes one of group and host.
    pub transactional_id: String,
    /// Key of an annotation.
    pub key: KeyOf,
    /// Names of the record's headers that its annotation has too; [`Config::ALL_HEADERS`]: every one.
    pub headers: Vec<String>,
    /// Timestamp of an annotation.
    pub timestamp: TimestampOf,
    /// Fields of the post that its annotation repeats.
    pub include: Vec<Include>,
    /// Whether answers have the headers of CloudEvents.
    pub cloudevents: bool,
    /// The format of records of `topic`, one of those of `formats`.
    pub format: String,
    /// What a record of `topic` answers.
    pub shape: Shape,
    /// The form of masks in records of `topic`.
    pub masks: MaskForm,
    /// The unit of boxes in records of `topic`.
    pub boxes: BoxUnit,
    /// Further outputs, and the template of their sections: see [`Config::all_outputs`].
    pub outputs: BTreeMap<String, OutputConfig>,
}

/// Delivery guarantee of annotations, dead letters and offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryMode {
    /// Nothing is lost; a crash may write some records twice.
    AtLeastOnce,
    /// Nothing is lost, and readers of committed records see each record once.
    ExactlyOnce,
}

/// Whose key an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOf {
    /// The record's, or the post's id where it has none.
    Input,
    /// The post's id.
    PostId,
}

/// Whose timestamp an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimestampOf {
    /// The record's.
    Input,
    /// Its own: when it is written.
    Now,
}

/// A delivery guarantee with what its producer needs from other sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Each one until the broker has it; a crash may write some twice.
    AtLeastOnce,
    /// In transactions, with the offsets of the posts that they answer.
    ExactlyOnce {
        /// The name that this engine's transactions are made under, in this process and in the next.
        transactional_id: String,
        /// How often what is ready is written.
        interval: Duration,
    },
}

/// The largest record that the producer hands to a broker, in bytes, unless kafka.properties says otherwise.
pub const MESSAGE_MAX_BYTES: &str = "67108864";

const BATCH_SIZE: &str = "batch.size";

impl Config {
    /// The entry of `headers` that stands for every header.
    pub const ALL_HEADERS: &str = "*";

    /// Range faults: the key within the section, and why its value cannot work.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = self.output_faults();
        let mut hold = |key: &str, holds: bool, message: String| {
            if !holds {
                faults.push((key.to_owned(), message));
            }
        };
        hold("dead_letter_topic", is_topic_name(&self.dead_letter_topic), TOPIC_NAME.to_owned());
        let all = Self::ALL_HEADERS;
        let alone = self.headers.len() == 1 || !self.headers.iter().any(|name| name == all);
        hold("headers", alone, format!("has `{all}`, which stands for all headers, and further names"));
        for name in &self.headers {
            let is_own = name.starts_with(HEADER_PREFIX);
            let message =
                format!("names `{name}`; names that begin with `{HEADER_PREFIX}` are the engine's own");
            hold("headers", !is_own, message);
            let is_plain = name == all || !name.contains('*');
            let message = format!("names `{name}`; `*` stands for all headers and for nothing else");
            hold("headers", is_plain, message);
        }
        faults
    }

    /// The transactional id of an engine that reads in `group`.
    #[must_use]
    pub fn transactional_id(&self, group: &str) -> String {
        if !self.transactional_id.is_empty() {
            return self.transactional_id.clone();
        }
        let host = gethostname::gethostname();
        format!("riveg-{group}-{}", host.to_string_lossy())
    }
}

impl Delivery {
    /// Properties of a producer with this guarantee.
    pub(super) fn client(&self, kafka: &Connection) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("client.id", "riveg")
            // Neither lost nor doubled nor out of order by retries of the client.
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Java's producers place keys so: the same post lies in the same partition whoever wrote it.
            .set("partitioner", "murmur2_random")
            .set("compression.codec", "lz4")
            // An answer waits for others no longer than this.
            .set("linger.ms", "5")
            // A dead letter is a whole record with pictures: the broker's limit decides, not ours.
            .set("message.max.bytes", MESSAGE_MAX_BYTES)
            // A broker refuses a batch as a whole: even a topic with a small limit should refuse single records alone.
            .set(BATCH_SIZE, "65536")
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("statistics.interval.ms", STATISTICS_INTERVAL_MS)
            .set("reconnect.backoff.max.ms", "2000");
        match self {
            // A broker that is away is waited for: back-pressure reaches the input long before memory is short.
            Self::AtLeastOnce => client.set("message.timeout.ms", "0"),
            // It is waited for here too, but in a transaction after the other, each shorter than the broker's patience
            // with one that is left open: until that has passed, a crash holds up those who read what is committed.
            Self::ExactlyOnce { transactional_id, .. } => client
                .set("transactional.id", transactional_id)
                .set("transaction.timeout.ms", "60000")
                .set("message.timeout.ms", "30000"),
        };
        kafka.apply_to(client)
    }
}

/// Limit of the bytes of records that share a batch; a larger record has a batch of its own.
pub(super) fn batch_bytes(client: &ClientConfig) -> usize {
    client.get(BATCH_SIZE).and_then(|bytes| bytes.parse().ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
impl Config {
    /// The section as `config/default.toml` has it.
    pub(super) fn of_defaults() -> Self {
        let defaults: toml::Table = include_str!("../../../config/default.toml").parse().unwrap();
        defaults["publish"].clone().try_into().unwrap()
    }
}
