//! Which record of each partition comes next, and does the log still hold it?

use std::collections::BTreeMap;

/// What may be read of a partition now: records from `start` on that lie before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) start: i64,
    /// Where the oldest open transaction begins, or else the end.
    pub(super) end: i64,
}

/// How a position lies to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The record is there, or is the next to be written.
    Held,
    /// The log begins later: what lies between was deleted unread.
    Deleted { records: u64 },
    /// The log ends before: it was cut off, or the topic was made anew.
    Beyond,
}

impl Log {
    pub(super) fn standing(self, position: i64) -> Standing {
        if position < self.start {
            Standing::Deleted { records: self.start.abs_diff(position) }
        } else if position > self.end {
            Standing::Beyond
        } else {
            Standing::Held
        }
    }
}

/// For each partition of this engine the offset of the record that is to be read next, where it is known.
#[derive(Debug, Default)]
pub(super) struct Positions(BTreeMap<i32, i64>);

impl Positions {
    /// Reading goes on there.
    pub(super) fn set(&mut self, partition: i32, position: i64) {
        self.0.insert(partition, position);
    }

    pub(super) fn of(&self, partition: i32) -> Option<i64> {
        self.0.get(&partition).copied()
    }

    /// The partitions whose positions are known.
    pub(super) fn partitions(&self) -> Vec<i32> {
        self.0.keys().copied().collect()
    }

    /// These partitions belong to another consumer now.
    pub(super) fn forget(&mut self, partitions: &[i32]) {
        self.0.retain(|partition, _| !partitions.contains(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_held_from_the_start_of_the_log_to_its_end() {
        let log = Log { start: 10, end: 20 };
        let cases = [
            (0, Standing::Deleted { records: 10 }),
            (9, Standing::Deleted { records: 1 }),
            (10, Standing::Held),
            (20, Standing::Held),
            (21, Standing::Beyond),
        ];
        for (position, standing) in cases {
            assert_eq!(log.standing(position), standing, "{position}");
        }
    }
}
