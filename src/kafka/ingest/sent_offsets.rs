//! Sent offsets: commits offsets that have moved, and asks the broker for committed ones.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;

/// Offsets of one topic that were sent to the broker and not refused.
#[derive(Debug, Default)]
pub(super) struct SentOffsets {
    sent: BTreeMap<i32, i64>,
}

impl SentOffsets {
    /// Sends offsets that differ from those sent before, without waiting for the response.
    ///
    /// # Errors
    /// If the client does not take them. They will be sent again.
    pub(super) fn send(
        &mut self,
        consumer: &BaseConsumer<Context>,
        topic: &str,
        watermarks: impl Iterator<Item = (i32, i64)>,
    ) -> KafkaResult<()> {
        let moved = self.moved(watermarks);
        if moved.is_empty() {
            return Ok(());
        }
        consumer.commit(&list(topic, &moved)?, CommitMode::Async)?;
        self.sent.extend(moved);
        Ok(())
    }

    /// The broker refused offsets and does not say which: all are sent again.
    pub(super) fn refused(&mut self) {
        self.sent.clear();
    }

    /// Removes partitions that were revoked.
    pub(super) fn forget(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.sent.remove(partition);
        }
    }

    fn moved(&self, watermarks: impl Iterator<Item = (i32, i64)>) -> Vec<(i32, i64)> {
        watermarks.filter(|(partition, offset)| self.sent.get(partition) != Some(offset)).collect()
    }
}

/// The offsets that the group has committed for these partitions, if any.
///
/// # Errors
/// No response within `timeout`.
pub(super) fn committed(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partitions: TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<BTreeMap<i32, i64>> {
    let held = consumer.committed_offsets(partitions, timeout)?;
    let mut offsets = BTreeMap::new();
    for element in held.elements_for_topic(topic) {
        // A partition with an error may have a committed offset all the same.
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            offsets.insert(element.partition(), offset);
        }
    }
    Ok(offsets)
}

/// Whether the broker has committed these offsets. False if it does not respond within `timeout`.
pub(super) fn are_committed(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    watermarks: &[(i32, i64)],
    timeout: Duration,
) -> bool {
    // The broker handles requests in order: earlier commits are included.
    let held = list(topic, watermarks).and_then(|list| consumer.committed_offsets(list, timeout));
    let is_held = |&(partition, offset): &(i32, i64)| {
        let held = held.as_ref().ok().and_then(|held| held.find_partition(topic, partition));
        held.is_some_and(|held| held.offset() == Offset::Offset(offset))
    };
    watermarks.iter().all(is_held)
}

pub(super) fn list(topic: &str, offsets: &[(i32, i64)]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for &(partition, offset) in offsets {
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_offsets_that_moved_are_sent_and_all_of_them_after_a_refusal() {
        let mut offsets = SentOffsets { sent: BTreeMap::from([(0, 10), (1, 5)]) };
        let watermarks = || [(0, 10), (1, 6), (2, 1)].into_iter();
        assert_eq!(offsets.moved(watermarks()), [(1, 6), (2, 1)]);
        offsets.refused();
        assert_eq!(offsets.moved(watermarks()), [(0, 10), (1, 6), (2, 1)]);
    }

    #[test]
    fn the_offset_of_a_partition_that_returns_is_sent_again() {
        let mut offsets = SentOffsets { sent: BTreeMap::from([(0, 10)]) };
        offsets.forget(&[0]);
        assert_eq!(offsets.moved([(0, 10)].into_iter()), [(0, 10)]);
    }
}
