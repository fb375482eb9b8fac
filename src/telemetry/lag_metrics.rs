//! Consumer lag by partition: records without an answer, and the age of the oldest of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use prometheus::{GaugeVec, IntGaugeVec, Opts};

use super::registration::{Registry, register};
use super::scrape_hooks::ScrapeHooks;

/// Unanswered records of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Records, read or not.
    pub records: u64,
    /// When the oldest of them was written; none where nothing waits.
    pub oldest: Option<SystemTime>,
}

/// The gauges of lag. Ages are those of the moment at which somebody asks: they grow where the engine stands still.
#[derive(Debug, Clone)]
pub struct LagMetrics {
    records: IntGaugeVec,
    seconds: GaugeVec,
    /// Held wherever a series begins or ends: a partition that was taken away does not come back by a look at its age.
    oldest: Arc<Mutex<Oldest>>,
}

/// When the oldest record that waits was written, by topic and partition.
type Oldest = BTreeMap<(String, i32), Option<SystemTime>>;

impl LagMetrics {
    pub(super) fn new(registry: &Registry, hooks: &ScrapeHooks) -> Self {
        let labels = ["topic", "partition"];
        let records = Opts::new(
            "riveg_consumer_lag_records",
            "Offsets of a partition from the oldest record without an answer to the end of its log.",
        );
        let seconds = Opts::new(
            "riveg_consumer_lag_seconds",
            "Age of the oldest record of a partition without an answer, by its timestamp; 0 where nothing waits.",
        );
        let lag = Self {
            records: register(registry, IntGaugeVec::new(records, &labels)),
            seconds: register(registry, GaugeVec::new(seconds, &labels)),
            oldest: Arc::default(),
        };
        let recorded = lag.clone();
        hooks.add(move || recorded.record(SystemTime::now()));
        lag
    }

    /// Sets the unanswered records of a partition.
    pub fn waits(&self, topic: &str, partition: i32, waiting: Waiting) {
        let mut all = self.oldest();
        let records = i64::try_from(waiting.records).unwrap_or(i64::MAX);
        self.records.with_label_values(&[topic, &partition.to_string()]).set(records);
        all.insert((topic.to_owned(), partition), waiting.oldest);
    }

    /// What waits of all partitions that this engine reads; none where no end of a log is known yet.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        let all = self.oldest();
        let records = all.keys().map(|(topic, partition)| {
            let records = self.records.with_label_values(&[topic, &partition.to_string()]).get();
            u64::try_from(records).unwrap_or(0)
        });
        records.reduce(|one, other| one + other)
    }

    /// The partition was revoked: another engine reports it.
    pub(super) fn revoked(&self, topic: &str, partition: i32) {
        let mut all = self.oldest();
        all.remove(&(topic.to_owned(), partition));
        let labels = [topic, &partition.to_string()];
        // Without a known end of its log it has no series.
        let _ = self.records.remove_label_values(&labels);
        let _ = self.seconds.remove_label_values(&labels);
    }

    fn record(&self, now: SystemTime) {
        for ((topic, partition), oldest) in self.oldest().iter() {
            // A timestamp in the future counts as no wait.
            let age = oldest.and_then(|oldest| now.duration_since(oldest).ok()).unwrap_or_default();
            self.seconds.with_label_values(&[topic, &partition.to_string()]).set(age.as_secs_f64());
        }
    }

    fn oldest(&self) -> MutexGuard<'_, Oldest> {
        // Every change is one entry: a panic leaves nothing half done.
        self.oldest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ages_grow_until_the_answer_and_a_partition_that_is_gone_has_none() {
        let (registry, hooks) = (Registry::new(), ScrapeHooks::default());
        let lag = LagMetrics::new(&registry, &hooks);
        let (start, written) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(100));
        let seconds = |partition: &str| lag.seconds.with_label_values(&["posts", partition]).get();
        lag.waits("posts", 0, Waiting { records: 7, oldest: Some(written) });
        lag.waits("posts", 1, Waiting { records: 0, oldest: None });
        for (after, expected) in [(50, 0.0), (130, 30.0), (160, 60.0)] {
            lag.record(start + Duration::from_secs(after));
            assert_eq!((seconds("0"), seconds("1")), (expected, 0.0), "{after}");
        }
        assert_eq!(lag.records.with_label_values(&["posts", "0"]).get(), 7);
        assert_eq!(lag.total(), Some(7));
        lag.waits("others", 0, Waiting { records: 2, oldest: None });
        assert_eq!(lag.total(), Some(9), "partitions of equal numbers in two topics");
        lag.revoked("posts", 0);
        assert_eq!(lag.total(), Some(2));
        lag.revoked("posts", 1);
        lag.revoked("others", 0);
        lag.record(start + Duration::from_secs(200));
        assert!(registry.gather().is_empty(), "{:?}", registry.gather());
    }
}
