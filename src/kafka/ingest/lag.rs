//! Lag: how many records of a partition wait, and since when. The ends of the logs come from the probe, because the
//! ends that the client knows are as old as its last fetch, which is long ago while reading is paused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use crate::kafka::client::TopicPartition;
use crate::telemetry::{LogThrottle, Waiting};

/// How often the ends are requested: two small requests for each partition, several times between two scrapes of a
/// usual Prometheus.
const REQUEST_INTERVAL: Duration = Duration::from_secs(2);

/// The ends of the logs of this engine's partitions.
#[derive(Debug)]
pub(super) struct LagTracker {
    ends: BTreeMap<TopicPartition, End>,
    /// A request is under way.
    is_requested: bool,
    pace: LogThrottle,
}

/// The end of one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    offset: i64,
    /// The earliest known end that is not read yet, and when it was known: some record has waited at least since then.
    unread: Option<(i64, SystemTime)>,
}

impl Default for LagTracker {
    fn default() -> Self {
        Self { ends: BTreeMap::new(), is_requested: false, pace: LogThrottle::new(REQUEST_INTERVAL) }
    }
}

impl LagTracker {
    /// Whether the ends should be requested now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        !self.is_requested && self.pace.is_due(now)
    }

    /// The ends were requested, if the probe took the request.
    pub(super) fn requested(&mut self, is_requested: bool) {
        self.is_requested = is_requested;
    }

    /// The brokers have responded with these ends, at `now`.
    pub(super) fn update(&mut self, ends: BTreeMap<TopicPartition, i64>, now: SystemTime) {
        self.is_requested = false;
        for (partition, offset) in ends {
            let known = self.ends.entry(partition).or_insert(End { offset, unread: None });
            known.offset = offset;
            known.unread = known.unread.or(Some((offset, now)));
        }
    }

    /// Removes partitions that were revoked.
    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.ends.retain(|partition, _| !partitions.contains(partition));
        // Other partitions may be assigned now: their ends are requested at once.
        self.pace.reset();
    }

    /// The records of a partition that wait for an answer. `position`: the offset of the next record. `open`: the
    /// offset of the first unsettled record, and when the oldest unsettled record was written.
    pub(super) fn waiting(
        &mut self,
        partition: &TopicPartition,
        position: i64,
        open: Option<(i64, Option<SystemTime>)>,
    ) -> Waiting {
        let end = self.ends.get_mut(partition);
        let unread = end.and_then(|end| {
            // All records before that end are read.
            end.unread = end.unread.filter(|(offset, _)| *offset > position);
            (end.offset > position).then_some(*end)
        });
        let first = open.map_or(position, |(offset, _)| offset);
        let last = unread.map_or(position, |end| end.offset);
        // The age of an unread record is unknown. It has waited at least since it was known to exist.
        let since = unread.and_then(|end| end.unread).map(|(_, since)| since);
        let written = open.and_then(|(_, written)| written);
        Waiting {
            records: u64::try_from(last - first).unwrap_or(0),
            oldest: [written, since].into_iter().flatten().min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn posts() -> TopicPartition {
        TopicPartition::new("posts", 0)
    }

    fn waits(records: u64, oldest: Option<u64>) -> Waiting {
        Waiting { records, oldest: oldest.map(at) }
    }

    #[test]
    fn records_from_the_first_unsettled_one_to_the_end_of_the_log_wait() {
        let mut lag = LagTracker::default();
        assert_eq!(lag.waiting(&posts(), 10, None), waits(0, None), "the end is unknown");
        assert_eq!(lag.waiting(&posts(), 10, Some((7, Some(at(3))))), waits(3, Some(3)));
        lag.update(BTreeMap::from([(posts(), 30)]), at(100));
        assert_eq!(lag.waiting(&posts(), 10, Some((7, Some(at(3))))), waits(23, Some(3)));
        assert_eq!(lag.waiting(&posts(), 30, None), waits(0, None), "all records are settled");
        let namesake = TopicPartition::new("other", 0);
        assert_eq!(lag.waiting(&namesake, 10, None), waits(0, None), "the end of another topic");
        assert_eq!(lag.waiting(&posts(), 31, None), waits(0, None), "the end may be older than the position");
    }

    #[test]
    fn an_unread_record_has_waited_at_least_since_it_was_known_to_exist() {
        let mut lag = LagTracker::default();
        lag.update(BTreeMap::from([(posts(), 30)]), at(100));
        lag.update(BTreeMap::from([(posts(), 40)]), at(102));
        assert_eq!(lag.waiting(&posts(), 20, None), waits(20, Some(100)));
        // All records before the first end are read. When the others appeared is known after the next response.
        assert_eq!(lag.waiting(&posts(), 30, None), waits(10, None));
        lag.update(BTreeMap::from([(posts(), 40)]), at(104));
        assert_eq!(lag.waiting(&posts(), 30, None), waits(10, Some(104)));
        lag.forget(&[posts()]);
        assert_eq!(lag.waiting(&posts(), 30, None), waits(0, None));
    }
}
