//! Positions: the offset of the next record of each partition, and whether the log still has it.

use std::collections::BTreeMap;

use crate::kafka::client::TopicPartition;

/// The offsets of a partition that can be read: from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogRange {
    pub(super) start: i64,
    /// The start of the oldest open transaction, or the end of the log.
    pub(super) end: i64,
}

/// Whether a position is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PositionState {
    /// The record is in the log, or will be the next to be written.
    Available,
    /// The log begins later: records were deleted before they were read.
    Deleted { records: u64 },
    /// The log ends before: it was truncated, or the topic was created again.
    BeyondEnd,
}

impl LogRange {
    pub(super) fn state_of(self, position: i64) -> PositionState {
        if position < self.start {
            PositionState::Deleted { records: self.start.abs_diff(position) }
        } else if position > self.end {
            PositionState::BeyondEnd
        } else {
            PositionState::Available
        }
    }
}

/// For each partition of this engine the offset of the next record, if it is known.
#[derive(Debug, Default)]
pub(super) struct Positions(BTreeMap<TopicPartition, i64>);

impl Positions {
    /// Sets the offset of the next record.
    pub(super) fn set(&mut self, partition: &TopicPartition, position: i64) {
        match self.0.get_mut(partition) {
            Some(known) => *known = position,
            None => drop(self.0.insert(partition.clone(), position)),
        }
    }

    pub(super) fn of(&self, partition: &TopicPartition) -> Option<i64> {
        self.0.get(partition).copied()
    }

    /// The partitions with a known position.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        self.0.keys().cloned().collect()
    }

    /// Removes partitions that were revoked.
    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.0.retain(|partition, _| !partitions.contains(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_available_from_the_start_of_the_log_to_its_end() {
        let log = LogRange { start: 10, end: 20 };
        let cases = [
            (0, PositionState::Deleted { records: 10 }),
            (9, PositionState::Deleted { records: 1 }),
            (10, PositionState::Available),
            (20, PositionState::Available),
            (21, PositionState::BeyondEnd),
        ];
        for (position, state_of) in cases {
            assert_eq!(log.state_of(position), state_of, "{position}");
        }
    }
}
