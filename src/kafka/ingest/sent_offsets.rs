//! Sent offsets: commits offsets that have moved, and asks the broker for committed ones.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::Offset;

use super::context::Context;
use crate::kafka::client::TopicPartition;

/// Offsets that were sent to the broker and not refused.
#[derive(Debug, Default)]
pub(super) struct SentOffsets {
    sent: BTreeMap<TopicPartition, i64>,
}

impl SentOffsets {
    /// Sends offsets that differ from those sent before, without waiting for the response.
    ///
    /// # Errors
    /// If the client does not take them. They will be sent again.
    pub(super) fn send<'a>(
        &mut self,
        consumer: &BaseConsumer<Context>,
        watermarks: impl Iterator<Item = (&'a TopicPartition, i64)>,
    ) -> KafkaResult<()> {
        let moved = self.moved(watermarks);
        if moved.is_empty() {
            return Ok(());
        }
        consumer.commit(&TopicPartition::list_at(moved.iter().copied())?, CommitMode::Async)?;
        self.sent.extend(moved.into_iter().map(|(partition, offset)| (partition.clone(), offset)));
        Ok(())
    }

    /// The broker refused offsets and does not say which: all are sent again.
    pub(super) fn refused(&mut self) {
        self.sent.clear();
    }

    /// Removes partitions that were revoked.
    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.sent.remove(partition);
        }
    }

    fn moved<'a>(
        &self,
        watermarks: impl Iterator<Item = (&'a TopicPartition, i64)>,
    ) -> Vec<(&'a TopicPartition, i64)> {
        watermarks.filter(|(partition, offset)| self.sent.get(partition) != Some(offset)).collect()
    }
}

/// The offsets that the group has committed for these partitions, if any.
///
/// # Errors
/// No response within `timeout`.
pub(super) fn committed(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> KafkaResult<BTreeMap<TopicPartition, i64>> {
    let held = consumer.committed_offsets(TopicPartition::list(partitions), timeout)?;
    let mut offsets = BTreeMap::new();
    for element in held.elements() {
        // A partition with an error may have a committed offset all the same.
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            offsets.insert(TopicPartition::new(element.topic(), element.partition()), offset);
        }
    }
    Ok(offsets)
}

/// Whether the broker has committed these offsets. False if it does not respond within `timeout`.
pub(super) fn are_committed(
    consumer: &BaseConsumer<Context>,
    watermarks: &[(TopicPartition, i64)],
    timeout: Duration,
) -> bool {
    // The broker handles requests in order: earlier commits are included.
    let list = TopicPartition::list(watermarks.iter().map(|(partition, _)| partition));
    let held = consumer.committed_offsets(list, timeout);
    let is_held = |(partition, offset): &(TopicPartition, i64)| {
        let TopicPartition { topic, partition } = partition;
        let held = held.as_ref().ok().and_then(|held| held.find_partition(topic, *partition));
        held.is_some_and(|held| held.offset() == Offset::Offset(*offset))
    };
    watermarks.iter().all(is_held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions() -> [TopicPartition; 3] {
        [("posts", 0), ("posts", 1), ("others", 0)].map(|(topic, number)| TopicPartition::new(topic, number))
    }

    #[test]
    fn only_offsets_that_moved_are_sent_and_all_of_them_after_a_refusal() {
        let [zero, one, namesake] = &partitions();
        let mut offsets = SentOffsets { sent: BTreeMap::from([(zero.clone(), 10), (one.clone(), 5)]) };
        let watermarks = || [(zero, 10), (one, 6), (namesake, 10)].into_iter();
        assert_eq!(offsets.moved(watermarks()), [(one, 6), (namesake, 10)]);
        offsets.refused();
        assert_eq!(offsets.moved(watermarks()), [(zero, 10), (one, 6), (namesake, 10)]);
    }

    #[test]
    fn the_offset_of_a_partition_that_returns_is_sent_again_and_those_of_others_are_not() {
        let [zero, _, namesake] = &partitions();
        let mut offsets = SentOffsets { sent: BTreeMap::from([(zero.clone(), 10), (namesake.clone(), 10)]) };
        offsets.forget(std::slice::from_ref(zero));
        assert_eq!(offsets.moved([(zero, 10), (namesake, 10)].into_iter()), [(zero, 10)]);
    }
}
