//! The section `ingest` of the configuration, and what it asks of the consumer.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytesize::ByteSize;
use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use super::InputTopics;
use crate::kafka::client::{Connection, STATISTICS_INTERVAL_MS};

/// How posts are read from Kafka.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Topics of posts, by name or by pattern.
    pub topic: InputTopics,
    /// Consumer group.
    pub group: String,
    /// Unsettled records for each post that is worked on.
    pub read_ahead: NonZeroUsize,
    /// Limit of the bytes of unsettled records.
    pub max_bytes: ByteSize,
    /// Time between commits.
    #[serde(with = "humantime_serde")]
    pub commit_interval: Duration,
    /// Time that a revoked partition may take to finish its records.
    #[serde(with = "humantime_serde")]
    pub revoke_deadline: Duration,
    /// Protocol by which the group shares out partitions.
    pub protocol: GroupProtocol,
    /// Static member name (`group.instance.id`); empty: dynamic membership.
    pub instance: String,
    /// Session timeout of the classic protocol.
    #[serde(with = "humantime_serde")]
    pub session_timeout: Duration,
    /// First offset of a partition without a committed one.
    pub start: Start,
    /// Reaction to records that were deleted before they were read.
    pub on_data_loss: DataLoss,
    /// Treatment of records without a value, and of records that say that a post was deleted.
    pub tombstones: Tombstones,
    /// Input format of records; `auto`: the shape of each record decides.
    pub format: String,
    /// Input formats of single topics.
    pub formats: BTreeMap<String, String>,
    /// Formats of the user's own, by name: a JSONPath for each field of a post.
    pub mappings: BTreeMap<String, BTreeMap<String, String>>,
    /// Treatment of events that their format does not know.
    pub unknown_events: UnknownEvents,
    /// The address of a picture of Bluesky, with `{did}` and `{cid}`.
    pub bluesky_pictures: String,
}

/// Who commits the offsets of what is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetsBy {
    /// The reading thread, after delivery: a crash between the two repeats some posts.
    Reader,
    /// Whoever publishes, in one transaction with what is delivered.
    Transaction,
}

/// How the members of a group share out partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupProtocol {
    /// Among themselves, cooperatively: every broker can do that.
    #[default]
    Classic,
    /// As the broker says (KIP-848): Kafka 4.0 and later.
    Consumer,
}

/// Where a group begins to read a partition that it has committed nothing of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the oldest record that is there.
    #[default]
    Earliest,
    /// With the next record that comes.
    Latest,
}

/// What follows when posts were deleted before they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataLoss {
    /// It is said and counted, and reading goes on where the log starts.
    #[default]
    Continue,
    /// Reading ends with an error.
    Stop,
}

/// What becomes of a record without a value, by which a feed says that the post of that key was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tombstones {
    /// It goes to the topic of annotations under its key, so that a compacted topic forgets the answer too.
    #[default]
    Forward,
    /// It is counted, and nothing is written.
    Skip,
    /// It is a dead letter.
    DeadLetter,
}

/// What becomes of an event that its format does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownEvents {
    /// It is counted, and nothing is written.
    Skip,
    /// It is a dead letter.
    #[default]
    DeadLetter,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        let (has_did, has_cid) =
            (self.bluesky_pictures.contains("{did}"), self.bluesky_pictures.contains("{cid}"));
        hold("bluesky_pictures", has_did && has_cid, "must have `{did}` and `{cid}`");
        hold("group", !self.group.is_empty(), "is empty; offsets are kept by group");
        hold("read_ahead", self.read_ahead.get() <= 1_000, "must be 1 to 1000");
        hold("commit_interval", !self.commit_interval.is_zero(), "must be longer than nothing");
        hold("revoke_deadline", self.revoke_deadline <= Duration::from_secs(240), "must be 4m or less");
        hold(
            "session_timeout",
            (Duration::from_secs(1)..=Duration::from_secs(300)).contains(&self.session_timeout),
            "must be 1s to 5m",
        );
        faults.extend(self.topic.faults().into_iter().map(|fault| ("topic", fault)));
        faults
    }

    pub(super) fn client(&self, kafka: &Connection) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("group.id", &self.group)
            .set("client.id", "riveg")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A position that the log does not hold is told, not chosen.
            .set("auto.offset.reset", "error")
            // Where a partition ends, markers of transactions may follow its last record.
            .set("enable.partition.eof", "true")
            // What an unfinished transaction wrote is not there yet.
            .set("isolation.level", "read_committed")
            // Topics that appear and partitions that are added are noticed within this time.
            .set("topic.metadata.refresh.interval.ms", "5000")
            // The default of a second is felt as stalls whenever the queue of fetched records fills up.
            .set("fetch.queue.backoff.ms", "50")
            // Records wait in our own budget; the client need not hold more than that of them again.
            .set("queued.max.messages.kbytes", "65536")
            // A broker that hangs is found out when an answer is that late: readiness tells a few seconds later.
            .set("socket.timeout.ms", "5000")
            // What it says of itself becomes metrics, which are looked at every few seconds.
            .set("statistics.interval.ms", STATISTICS_INTERVAL_MS)
            // Away brokers are asked again at least so often.
            .set("reconnect.backoff.max.ms", "2000");
        match self.protocol {
            // A rebalance moves only the partitions that change hands.
            GroupProtocol::Classic => client
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", millis(self.session_timeout))
                // Three of them may be lost.
                .set("heartbeat.interval.ms", millis(self.session_timeout / 4)),
            // The broker assigns, and moves no more than it must; it says too how often it wants to hear of us.
            GroupProtocol::Consumer => client.set("group.protocol", "consumer"),
        };
        if !self.instance.is_empty() {
            client.set("group.instance.id", &self.instance);
        }
        let mut client = kafka.apply_to(client);
        // The engine's own topics do not exist for a pattern.
        let excluded = self.topic.excluded().map(|topic| format!("^{}$", topic.replace('.', "\\.")));
        let hidden: Vec<String> =
            excluded.chain(kafka.properties.get(HIDDEN_TOPICS).map(str::to_owned)).collect();
        if !hidden.is_empty() {
            client.set(HIDDEN_TOPICS, hidden.join(","));
        }
        client
    }
}

/// Names and patterns of topics that do not exist for the client.
const HIDDEN_TOPICS: &str = "topic.blacklist";

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
