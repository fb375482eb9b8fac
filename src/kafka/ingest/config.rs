//! What is read, how much of it ahead, and how it is committed?

use std::num::NonZeroUsize;
use std::time::Duration;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use crate::kafka::client::{Connection, STATISTICS_INTERVAL_MS};

/// How posts are read from Kafka.
#[derive(Debug, Clone)]
pub struct Config {
    /// The brokers, and what lets us in.
    pub kafka: Connection,
    /// The topic of posts.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// Records read and not settled, at most.
    pub max_posts: NonZeroUsize,
    /// Bytes of records read and not settled, at most; one record that is larger passes alone.
    pub max_bytes: usize,
    /// How often offsets are committed.
    pub commit_interval: Duration,
    /// Who commits them.
    pub offsets_by: OffsetsBy,
    /// How the group shares out partitions.
    pub protocol: GroupProtocol,
    /// A name in the group that outlives the process; none: a new one for each process.
    pub instance: Option<String>,
    /// How long the group waits for a member that is silent.
    pub session_timeout: Duration,
    /// Where a group begins that has committed nothing yet.
    pub start: Start,
    /// What follows when posts were deleted before they were read.
    pub on_data_loss: DataLoss,
    /// How long a partition that is taken away may finish what was read of it.
    pub revoke_deadline: Duration,
    /// What becomes of records without a value.
    pub tombstones: Tombstones,
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

impl Config {
    /// Reading that topic in that group, with bounds that suit one engine.
    #[must_use]
    pub fn new(bootstrap: &str, topic: &str, group: &str, max_posts: NonZeroUsize) -> Self {
        Self {
            kafka: Connection::to(bootstrap),
            topic: topic.to_owned(),
            group: group.to_owned(),
            max_posts,
            // Some hundred posts with pictures inline: far more than are worked on, far less than memory.
            max_bytes: 256 * 1024 * 1024,
            // A crash repeats at most a second's work; a commit a second costs the broker nothing.
            commit_interval: Duration::from_secs(1),
            offsets_by: OffsetsBy::Reader,
            protocol: GroupProtocol::Classic,
            instance: None,
            // The least that brokers grant unless told otherwise: nobody reads the partitions of a crashed engine for
            // so long.
            session_timeout: Duration::from_secs(6),
            // Skipping posts must be asked for.
            start: Start::Earliest,
            on_data_loss: DataLoss::Continue,
            // Well within the five minutes after which the group gives up on a member, and longer than any batch.
            revoke_deadline: Duration::from_secs(20),
            tombstones: Tombstones::Forward,
        }
    }

    pub(super) fn client(&self) -> ClientConfig {
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
        if let Some(instance) = &self.instance {
            client.set("group.instance.id", instance);
        }
        self.kafka.over(client)
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
