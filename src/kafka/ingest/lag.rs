//! How far behind is this engine? Where the logs end is asked aside, every few seconds, so that it is known where reading
//! is paused too: what the client itself knows of the ends is then as old as its last fetch.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use super::consumer::Reader;
use super::probe::Question;
use crate::telemetry::{LogThrottle, Waiting};

/// How often the ends are asked for: two small requests a partition, several times between two looks of a usual
/// Prometheus.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The ends of the logs of this engine's partitions, as they were answered last.
#[derive(Debug)]
pub(super) struct Lag {
    ends: BTreeMap<i32, End>,
    /// A question is under way.
    asked: bool,
    due: LogThrottle,
}

/// The end of one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    offset: i64,
    /// The first answer by which there was a record at that offset and time which is still not read, if there is one.
    unread: Option<(i64, SystemTime)>,
}

impl Default for Lag {
    fn default() -> Self {
        Self { ends: BTreeMap::new(), asked: false, due: LogThrottle::new(ASK_EVERY) }
    }
}

impl Lag {
    /// The brokers have answered: so far do the logs reach, `now`.
    pub(super) fn answered(&mut self, ends: BTreeMap<i32, i64>, now: SystemTime) {
        self.asked = false;
        for (partition, offset) in ends {
            let known = self.ends.entry(partition).or_insert(End { offset, unread: None });
            known.offset = offset;
            known.unread = known.unread.or(Some((offset, now)));
        }
    }

    /// These partitions belong to another consumer now.
    pub(super) fn forget(&mut self, partitions: &[i32]) {
        self.ends.retain(|partition, _| !partitions.contains(partition));
        // Others may be read from now on: their ends are asked for at once.
        self.due.reset();
    }

    /// What waits of a partition whose next record is at `position`, and whose first record that was read and not answered
    /// is `open`: its offset, and when the oldest such record was written.
    fn waiting(&mut self, partition: i32, position: i64, open: Option<(i64, Option<SystemTime>)>) -> Waiting {
        let end = self.ends.get_mut(&partition);
        let unread = end.and_then(|end| {
            // What was there by then is read.
            end.unread = end.unread.filter(|(offset, _)| *offset > position);
            (end.offset > position).then_some(*end)
        });
        let first = open.map_or(position, |(offset, _)| offset);
        let last = unread.map_or(position, |end| end.offset);
        // A record that is not read says nothing of its age: it has waited since it was known to be there, at least.
        let since = unread.and_then(|end| end.unread).map(|(_, since)| since);
        let written = open.and_then(|(_, written)| written);
        Waiting {
            records: u64::try_from(last - first).unwrap_or(0),
            oldest: [written, since].into_iter().flatten().min(),
        }
    }
}

impl Reader {
    /// Asks where the logs end, where that is due and the brokers are there.
    pub(super) fn ask_for_ends(&mut self, now: Instant) {
        let partitions = self.positions.partitions();
        if self.lag.asked || partitions.is_empty() || self.trouble.is_there() || !self.lag.due.is_due(now) {
            return;
        }
        self.lag.asked = self.probe.ask(Question::LogEnds(partitions));
    }

    /// Tells how far behind each partition is whose position is known.
    pub(super) fn tell_lag(&mut self) {
        for partition in self.positions.partitions() {
            let Some(position) = self.positions.of(partition) else { continue };
            let waiting = self.lag.waiting(partition, position, self.ledger.oldest(partition));
            self.watch.metrics.lag().waits(&self.topic, partition, waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn waits(records: u64, oldest: Option<u64>) -> Waiting {
        Waiting { records, oldest: oldest.map(at) }
    }

    #[test]
    fn what_waits_lies_between_the_first_record_without_an_answer_and_the_end_of_the_log() {
        let mut lag = Lag::default();
        assert_eq!(lag.waiting(0, 10, None), waits(0, None), "nothing is known of the end");
        assert_eq!(lag.waiting(0, 10, Some((7, Some(at(3))))), waits(3, Some(3)));
        lag.answered(BTreeMap::from([(0, 30)]), at(100));
        assert_eq!(lag.waiting(0, 10, Some((7, Some(at(3))))), waits(23, Some(3)));
        assert_eq!(lag.waiting(0, 30, None), waits(0, None), "all is answered");
        assert_eq!(
            lag.waiting(0, 31, None),
            waits(0, None),
            "an answer may be older than what was read since"
        );
    }

    #[test]
    fn a_record_that_is_not_read_waits_at_least_since_it_was_known_to_be_there() {
        let mut lag = Lag::default();
        lag.answered(BTreeMap::from([(0, 30)]), at(100));
        lag.answered(BTreeMap::from([(0, 40)]), at(102));
        assert_eq!(lag.waiting(0, 20, None), waits(20, Some(100)));
        // Those that were there then are read; of the others it is known since the next answer.
        assert_eq!(lag.waiting(0, 30, None), waits(10, None));
        lag.answered(BTreeMap::from([(0, 40)]), at(104));
        assert_eq!(lag.waiting(0, 30, None), waits(10, Some(104)));
        lag.forget(&[0]);
        assert_eq!(lag.waiting(0, 30, None), waits(0, None));
    }
}
