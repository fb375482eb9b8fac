//! Which offsets does the broker know of? Sends those that have moved, and asks in the end whether they are held.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;

/// The offsets of one topic that were sent to the broker and not refused.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    sent: BTreeMap<i32, i64>,
}

impl Offsets {
    /// Sends the offsets that differ from those sent before, without waiting for an answer.
    ///
    /// # Errors
    /// Where the client cannot even take them; they will be sent again.
    pub(super) fn send(
        &mut self,
        consumer: &BaseConsumer<Context>,
        topic: &str,
        watermarks: impl Iterator<Item = (i32, i64)>,
    ) -> KafkaResult<()> {
        let news = self.news(watermarks);
        if news.is_empty() {
            return Ok(());
        }
        consumer.commit(&list(topic, &news)?, CommitMode::Async)?;
        self.sent.extend(news);
        Ok(())
    }

    /// The broker refused offsets, nobody knows which: all are sent again.
    pub(super) fn refused(&mut self) {
        self.sent.clear();
    }

    /// These partitions belong to another consumer now.
    pub(super) fn forget(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.sent.remove(partition);
        }
    }

    fn news(&self, watermarks: impl Iterator<Item = (i32, i64)>) -> Vec<(i32, i64)> {
        watermarks.filter(|(partition, offset)| self.sent.get(partition) != Some(offset)).collect()
    }
}

/// The offsets that the group has committed of these partitions, where it has.
///
/// # Errors
/// No answer within `patience`.
pub(super) fn committed(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partitions: TopicPartitionList,
    patience: Duration,
) -> KafkaResult<BTreeMap<i32, i64>> {
    let held = consumer.committed_offsets(partitions, patience)?;
    let mut offsets = BTreeMap::new();
    for element in held.elements_for_topic(topic) {
        // A partition that is not answered for may well have a committed offset.
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            offsets.insert(element.partition(), offset);
        }
    }
    Ok(offsets)
}

/// Whether the broker holds these offsets. One that does not answer within `patience` is not known to.
pub(super) fn are_held(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    watermarks: &[(i32, i64)],
    patience: Duration,
) -> bool {
    // Requests reach the broker in the order in which they were made: what was committed before is seen.
    let held = list(topic, watermarks).and_then(|list| consumer.committed_offsets(list, patience));
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
    fn only_what_has_moved_is_sent_and_all_of_it_after_a_refusal() {
        let mut offsets = Offsets { sent: BTreeMap::from([(0, 10), (1, 5)]) };
        let watermarks = || [(0, 10), (1, 6), (2, 1)].into_iter();
        assert_eq!(offsets.news(watermarks()), [(1, 6), (2, 1)]);
        offsets.refused();
        assert_eq!(offsets.news(watermarks()), [(0, 10), (1, 6), (2, 1)]);
    }

    #[test]
    fn a_partition_that_comes_back_begins_anew() {
        let mut offsets = Offsets { sent: BTreeMap::from([(0, 10)]) };
        offsets.forget(&[0]);
        assert_eq!(offsets.news([(0, 10)].into_iter()), [(0, 10)]);
    }
}
