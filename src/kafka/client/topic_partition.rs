//! Topic partition: one partition of one topic, within which records have an order and offsets.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// A partition of a topic. Partitions of different topics share numbers, so a number alone names none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The number of the partition in that topic.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of that topic.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }

    /// The partitions in a list of the client.
    #[must_use]
    pub fn all_of(list: &TopicPartitionList) -> Vec<Self> {
        list.elements().iter().map(|element| Self::new(element.topic(), element.partition())).collect()
    }

    /// A list for the client, without offsets.
    pub fn list<'a>(partitions: impl IntoIterator<Item = &'a Self>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for Self { topic, partition } in partitions {
            list.add_partition(topic, *partition);
        }
        list
    }

    /// A list for the client, with an offset for each partition.
    ///
    /// # Errors
    /// If the client does not take an offset: it is negative.
    pub fn list_at<'a>(
        offsets: impl IntoIterator<Item = (&'a Self, i64)>,
    ) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (Self { topic, partition }, offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(offset))?;
        }
        Ok(list)
    }

    /// Partitions for a log line, such as `posts/0, posts/1`.
    #[must_use]
    pub fn listed(partitions: &[Self]) -> String {
        let names: Vec<String> = partitions.iter().map(Self::to_string).collect();
        names.join(", ")
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.topic, self.partition)
    }
}

/// Names of topics, each held once however many records share it.
#[derive(Debug, Default)]
pub struct TopicNames(BTreeSet<Arc<str>>);

impl TopicNames {
    /// The shared name.
    pub fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_equal_numbers_differ_by_their_topics_also_in_lists_of_the_client() {
        let partitions =
            [("a", 0), ("b", 0), ("b", 1)].map(|(topic, number)| TopicPartition::new(topic, number));
        assert_ne!(partitions[0], partitions[1]);
        assert_eq!(TopicPartition::all_of(&TopicPartition::list(&partitions)), partitions);
        let at = TopicPartition::list_at(partitions.iter().zip([3, 4, 5])).unwrap();
        assert_eq!(at.find_partition("b", 0).unwrap().offset(), Offset::Offset(4));
        assert_eq!(TopicPartition::listed(&partitions), "a/0, b/0, b/1");
        assert!(TopicPartition::list_at([(&partitions[0], -7)]).is_err());
    }
}
