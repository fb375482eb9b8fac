//! Metrics of reading: records without a value, lost records and failed commits.

use prometheus::{IntCounterVec, Opts};

use super::registration::{Registry, register};

/// What became of a record without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tombstone {
    /// It was written to the topic of annotations.
    Forwarded,
    /// Nothing was written.
    Skipped,
}

impl Tombstone {
    const ALL: [Self; 2] = [Self::Forwarded, Self::Skipped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Skipped => "skipped",
        }
    }
}

/// Why offsets were not committed; all but the last are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFailure {
    /// The group is handing out partitions anew.
    Rebalance,
    /// A broker refused them, by themselves or with their transaction.
    Refused,
    /// The client did not take them.
    NotSent,
    /// No broker said in time that it holds the last ones: their posts are read again.
    NotConfirmed,
}

impl CommitFailure {
    const ALL: [Self; 4] = [Self::Rebalance, Self::Refused, Self::NotSent, Self::NotConfirmed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Rebalance => "rebalance",
            Self::Refused => "refused",
            Self::NotSent => "not-sent",
            Self::NotConfirmed => "not-confirmed",
        }
    }
}

/// The counters of what is read beside posts, and of what could not be committed.
#[derive(Debug, Clone)]
pub struct IngestMetrics {
    tombstones: IntCounterVec,
    lost: IntCounterVec,
    commit_failures: IntCounterVec,
    events: IntCounterVec,
}

impl IngestMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let tombstones = counters(
            "riveg_tombstones_total",
            "Deletions, by what became of them; dead letters are counted as such.",
            &["outcome"],
        );
        Tombstone::ALL.iter().for_each(|outcome| tombstones.with_label_values(&[outcome.as_str()]).reset());
        let lost = counters(
            "riveg_records_lost_total",
            "Offsets that were deleted before they were read, markers of transactions among them.",
            &["topic", "partition"],
        );
        let commit_failures = counters(
            "riveg_commit_failures_total",
            "Attempts to commit offsets that failed, by reason.",
            &["reason"],
        );
        CommitFailure::ALL
            .iter()
            .for_each(|reason| commit_failures.with_label_values(&[reason.as_str()]).reset());
        let events = counters(
            "riveg_events_total",
            "What records say, by the format that they were read in: posts, deletions and events without posts.",
            &["format", "event"],
        );
        Self { tombstones, lost, commit_failures, events }
    }

    /// So many records of a partition were deleted before they were read. None makes the counter known.
    pub fn lost(&self, topic: &str, partition: i32, records: u64) {
        self.lost.with_label_values(&[topic, &partition.to_string()]).inc_by(records);
    }

    /// A record says something of this kind: a post, or another of a closed set for each format.
    pub fn event(&self, format: &'static str, kind: &'static str) {
        self.events.with_label_values(&[format, kind]).inc();
    }

    /// Offsets were not committed.
    pub fn commit_failed(&self, reason: CommitFailure) {
        self.commit_failures.with_label_values(&[reason.as_str()]).inc();
    }

    /// A record without a value was dealt with.
    pub fn tombstone(&self, outcome: Tombstone) {
        self.tombstones.with_label_values(&[outcome.as_str()]).inc();
    }
}
