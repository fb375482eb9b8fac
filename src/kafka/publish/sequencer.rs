//! Sequencer: restores the order of reading within each input partition. Posts finish in any order.

use std::collections::{BTreeMap, HashMap};

use crate::kafka::client::TopicPartition;
use crate::kafka::ingest::Ticket;

/// Holds finished items until all items read before them have left. It holds no more than the posts in flight.
#[derive(Debug)]
pub struct Sequencer<T> {
    partitions: HashMap<TopicPartition, Partition<T>>,
}

/// Items that leave the sequencer.
#[derive(Debug, PartialEq, Eq)]
pub struct Released<T> {
    /// Items to be written, in this order.
    pub in_order: Vec<(Ticket, T)>,
    /// Items of an earlier assignment of the partition: its new owner reads these records again.
    pub stale: Vec<(Ticket, T)>,
}

#[derive(Debug)]
struct Partition<T> {
    generation: u64,
    next: u64,
    waiting: BTreeMap<u64, (Ticket, T)>,
}

impl<T> Default for Sequencer<T> {
    fn default() -> Self {
        Self { partitions: HashMap::new() }
    }
}

impl<T> Sequencer<T> {
    /// Adds an item and releases all that may leave because of it.
    #[must_use = "released items must be written or settled"]
    pub fn push(&mut self, ticket: Ticket, item: T) -> Released<T> {
        let generation = ticket.generation();
        let partition =
            self.partitions.entry(ticket.partition().clone()).or_insert_with(|| Partition::of(generation));
        let mut stale = Vec::new();
        if generation > partition.generation {
            let old = std::mem::replace(partition, Partition::of(generation));
            stale.extend(old.waiting.into_values());
        } else if generation < partition.generation {
            return Released { in_order: Vec::new(), stale: vec![(ticket, item)] };
        }
        partition.waiting.insert(ticket.sequence(), (ticket, item));
        let mut in_order = Vec::new();
        while let Some(ready) = partition.waiting.remove(&partition.next) {
            partition.next += 1;
            in_order.push(ready);
        }
        Released { in_order, stale }
    }

    /// How many items wait for an earlier one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.partitions.values().map(|partition| partition.waiting.len()).sum()
    }
}

impl<T> Partition<T> {
    fn of(generation: u64) -> Self {
        Self { generation, next: 0, waiting: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kafka::ingest::Ledger;

    fn posts(number: i32) -> TopicPartition {
        TopicPartition::new("posts", number)
    }

    fn offsets<T>(released: &[(Ticket, T)]) -> Vec<i64> {
        released.iter().map(|(ticket, _)| ticket.offset()).collect()
    }

    #[test]
    fn an_item_that_finishes_early_waits_for_those_read_before_it() {
        let mut ledger = Ledger::default();
        let [first, second, third] = [10, 12, 40].map(|offset| ledger.issue(&posts(0), offset));
        let mut sequencer = Sequencer::default();
        assert_eq!(offsets(&sequencer.push(third, ()).in_order), [0i64; 0]);
        assert_eq!(offsets(&sequencer.push(first, ()).in_order), [10]);
        assert_eq!(sequencer.waiting(), 1);
        assert_eq!(offsets(&sequencer.push(second, ()).in_order), [12, 40]);
    }

    #[test]
    fn partitions_do_not_wait_for_each_other() {
        let mut ledger = Ledger::default();
        let _slow = ledger.issue(&posts(0), 0);
        let [other_number, other_topic] =
            [posts(1), TopicPartition::new("others", 0)].map(|partition| ledger.issue(&partition, 0));
        let mut sequencer = Sequencer::default();
        assert_eq!(sequencer.push(other_number, ()).in_order.len(), 1);
        assert_eq!(sequencer.push(other_topic, ()).in_order.len(), 1);
    }

    #[test]
    fn items_from_before_a_rebalance_are_returned_as_stale() {
        let mut ledger = Ledger::default();
        let [slow, waiting] = [0, 1].map(|offset| ledger.issue(&posts(0), offset));
        ledger.revoke(&[posts(0)]);
        let fresh = ledger.issue(&posts(0), 0);
        let mut sequencer = Sequencer::default();
        assert_eq!(offsets(&sequencer.push(waiting, "old").in_order), [0i64; 0]);
        let released = sequencer.push(fresh, "new");
        assert_eq!(released.in_order.into_iter().map(|(_, item)| item).collect::<Vec<_>>(), ["new"]);
        assert_eq!(released.stale.into_iter().map(|(_, item)| item).collect::<Vec<_>>(), ["old"]);
        let late = sequencer.push(slow, "late");
        assert_eq!((late.in_order.len(), late.stale.len()), (0, 1));
        assert_eq!(sequencer.waiting(), 0);
    }

    proptest! {
        #[test]
        fn items_leave_in_the_order_of_reading_whatever_order_they_come_in(
            order in prop::collection::vec((any::<bool>(), 0..2i32, 1..4i64), 0..100).prop_flat_map(|reads| {
                let indices: Vec<usize> = (0..reads.len()).collect();
                (Just(reads), Just(indices).prop_shuffle())
            })
        ) {
            let (reads, finishes) = order;
            let mut ledger = Ledger::default();
            let mut offset = 0;
            let mut tickets: Vec<Option<Ticket>> = reads
                .iter()
                .map(|&(is_post, number, gap)| {
                    offset += gap;
                    let topic = if is_post { "posts" } else { "others" };
                    Some(ledger.issue(&TopicPartition::new(topic, number), offset))
                })
                .collect();
            let mut sequencer = Sequencer::default();
            let mut left: BTreeMap<TopicPartition, Vec<i64>> = BTreeMap::new();
            for index in finishes {
                let released = sequencer.push(tickets[index].take().unwrap(), ());
                prop_assert!(released.stale.is_empty());
                for (ticket, ()) in released.in_order {
                    left.entry(ticket.partition().clone()).or_default().push(ticket.offset());
                }
            }
            prop_assert_eq!(sequencer.waiting(), 0);
            prop_assert_eq!(left.values().map(Vec::len).sum::<usize>(), reads.len());
            prop_assert!(left.values().all(|offsets| offsets.is_sorted()));
        }
    }
}
