//! What is counted of records that are read and are no posts?

use prometheus::{IntCounterVec, Opts, Registry};

use super::metrics::register;

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

/// The counters of what is read beside posts.
#[derive(Debug, Clone)]
pub struct IngestMetrics {
    tombstones: IntCounterVec,
    lost: IntCounterVec,
}

impl IngestMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let tombstones = counters(
            "riveg_tombstones_total",
            "Records without a value, by what became of them; dead letters are counted as such.",
            &["outcome"],
        );
        Tombstone::ALL.iter().for_each(|outcome| tombstones.with_label_values(&[outcome.as_str()]).reset());
        let lost = counters(
            "riveg_records_lost_total",
            "Offsets that were deleted before they were read, markers of transactions among them.",
            &["topic", "partition"],
        );
        Self { tombstones, lost }
    }

    /// So many records of a partition were deleted before they were read. None makes the counter known.
    pub fn lost(&self, topic: &str, partition: i32, records: u64) {
        self.lost.with_label_values(&[topic, &partition.to_string()]).inc_by(records);
    }

    /// A record without a value was dealt with.
    pub fn tombstone(&self, outcome: Tombstone) {
        self.tombstones.with_label_values(&[outcome.as_str()]).inc();
    }
}
