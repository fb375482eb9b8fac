//! Where do annotations and dead letters go, and how safely?

use std::num::NonZeroUsize;
use std::time::Duration;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use crate::kafka::client::{Connection, STATISTICS_INTERVAL_MS};

/// How results are written to Kafka.
#[derive(Debug, Clone)]
pub struct Config {
    /// The brokers, and what lets us in.
    pub kafka: Connection,
    /// The topic of annotations.
    pub topic: String,
    /// The topic of posts that could not be annotated.
    pub dead_letter_topic: String,
    /// Posts that are in flight at most: what waits here is no more.
    pub max_posts: NonZeroUsize,
    /// How safely.
    pub delivery: Delivery,
    /// What answers keep of their records.
    pub carry: Carry,
}

/// What an answer keeps of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carry {
    /// The key.
    pub key: KeyOf,
    /// Names of headers; [`Carry::ALL_HEADERS`]: every one.
    pub headers: Vec<String>,
    /// The timestamp.
    pub timestamp: TimestampOf,
}

impl Carry {
    /// What stands for every header.
    pub const ALL_HEADERS: &str = "*";
}

impl Default for Carry {
    fn default() -> Self {
        Self { key: KeyOf::Input, headers: vec![Self::ALL_HEADERS.to_owned()], timestamp: TimestampOf::Input }
    }
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

/// How safely results are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Each one until the broker has it; a crash may write some twice.
    AtLeastOnce,
    /// In transactions, with the offsets of the posts that they answer.
    ExactlyOnce {
        /// The name that this engine's transactions are made under, in this process and in the next.
        transactional_id: String,
        /// The topic that posts are read from.
        input: String,
        /// How often what is ready is written.
        interval: Duration,
    },
}

/// The largest record that the producer hands to a broker, in bytes, unless kafka.properties says otherwise.
pub const MESSAGE_MAX_BYTES: &str = "67108864";

const BATCH_SIZE: &str = "batch.size";

impl Config {
    /// Writing to those topics.
    #[must_use]
    pub fn new(bootstrap: &str, topic: &str, dead_letter_topic: &str, max_posts: NonZeroUsize) -> Self {
        Self {
            kafka: Connection::to(bootstrap),
            topic: topic.to_owned(),
            dead_letter_topic: dead_letter_topic.to_owned(),
            max_posts,
            delivery: Delivery::AtLeastOnce,
            carry: Carry::default(),
        }
    }

    /// The most bytes of records that share a batch; a larger record has one of its own.
    pub(super) fn batch_bytes(&self) -> usize {
        self.client().get(BATCH_SIZE).and_then(|bytes| bytes.parse().ok()).unwrap_or(usize::MAX)
    }

    pub(super) fn client(&self) -> ClientConfig {
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
        match &self.delivery {
            // A broker that is away is waited for: back-pressure reaches the input long before memory is short.
            Delivery::AtLeastOnce => client.set("message.timeout.ms", "0"),
            // It is waited for here too, but in a transaction after the other, each shorter than the broker's patience
            // with one that is left open: until that has passed, a crash holds up those who read what is committed.
            Delivery::ExactlyOnce { transactional_id, .. } => client
                .set("transactional.id", transactional_id)
                .set("transaction.timeout.ms", "60000")
                .set("message.timeout.ms", "30000"),
        };
        self.kafka.over(client)
    }
}
