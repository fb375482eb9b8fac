//! Which offsets does the broker know of? Sends those that have moved, and remembers which were confirmed.

use std::collections::BTreeMap;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;

/// The offsets of one topic that were sent to the broker.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    sent: BTreeMap<i32, Sent>,
}

#[derive(Debug)]
struct Sent {
    offset: i64,
    confirmed: bool,
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
        let news: Vec<(i32, i64)> = watermarks
            .filter(|(partition, offset)| self.sent.get(partition).is_none_or(|sent| sent.offset != *offset))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for &(partition, offset) in &news {
            list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        }
        consumer.commit(&list, CommitMode::Async)?;
        for (partition, offset) in news {
            self.sent.insert(partition, Sent { offset, confirmed: false });
        }
        Ok(())
    }

    /// The broker's answer: offsets that it refused are sent again at the next opportunity.
    pub(super) fn answered(&mut self, result: &Result<(), KafkaError>, offsets: &[(i32, i64)]) {
        for (partition, offset) in offsets {
            let Some(sent) = self.sent.get_mut(partition) else { continue };
            match result {
                Ok(()) => sent.confirmed |= sent.offset == *offset,
                Err(_) => {
                    self.sent.remove(partition);
                }
            }
        }
    }

    /// Whether the broker has answered all that was sent.
    pub(super) fn are_answered(&self) -> bool {
        self.sent.values().all(|sent| sent.confirmed)
    }

    /// Whether the broker is known to hold exactly these offsets.
    pub(super) fn hold(&self, mut watermarks: impl Iterator<Item = (i32, i64)>) -> bool {
        watermarks.all(|(partition, offset)| {
            self.sent.get(&partition).is_some_and(|sent| sent.confirmed && sent.offset == offset)
        })
    }

    /// These partitions belong to another consumer now.
    pub(super) fn forget(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.sent.remove(partition);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(offsets: &[(i32, i64)]) -> Offsets {
        let sent = |&(partition, offset)| (partition, Sent { offset, confirmed: false });
        Offsets { sent: offsets.iter().map(sent).collect() }
    }

    #[test]
    fn offsets_hold_when_the_broker_confirmed_the_latest() {
        let mut offsets = sent(&[(0, 10), (1, 5)]);
        assert!(!offsets.are_answered());
        offsets.answered(&Ok(()), &[(0, 9), (1, 5)]);
        assert!(!offsets.hold([(0, 10)].into_iter()), "an older commit was confirmed");
        assert!(offsets.hold([(1, 5)].into_iter()));
        offsets.answered(&Ok(()), &[(0, 10)]);
        assert!(offsets.are_answered());
        assert!(offsets.hold([(0, 10), (1, 5)].into_iter()));
        assert!(!offsets.hold([(2, 1)].into_iter()), "never sent");
    }

    #[test]
    fn refused_offsets_are_forgotten_so_that_they_are_sent_again() {
        let mut offsets = sent(&[(0, 10)]);
        let refusal = KafkaError::ConsumerCommit(rdkafka::error::RDKafkaErrorCode::RebalanceInProgress);
        offsets.answered(&Err(refusal), &[(0, 10)]);
        assert!(offsets.sent.is_empty());
        assert!(!offsets.hold([(0, 10)].into_iter()));
    }
}
