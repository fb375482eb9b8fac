//! Ledger: which offsets may be committed. Posts finish out of order; offsets must not.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use crate::kafka::client::TopicPartition;

/// The ticket of one record, returned when the answer to the record is delivered. It cannot be copied, so a record is
/// settled only once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a dropped ticket blocks the commits of its partition"]
pub struct Ticket {
    partition: TopicPartition,
    offset: i64,
    /// The assignment of the partition in which the record was read.
    generation: u64,
    /// The number of the record in that assignment, from 0, without gaps.
    sequence: u64,
    /// The size of the record in the budget of bytes.
    bytes: usize,
}

impl Ticket {
    pub(super) fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The partition of the record.
    #[must_use]
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The offset of the record.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// The assignment of the partition in which the record was read. Later assignments have greater numbers.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The number of the record in its partition and generation: 0, 1, 2 and so on, whatever gaps the offsets have.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// Records that were read and not committed, for each partition in the order of reading.
#[derive(Debug, Default)]
pub struct Ledger {
    partitions: BTreeMap<TopicPartition, Partition>,
    generations: u64,
}

#[derive(Debug)]
struct Partition {
    generation: u64,
    /// The sequence number of the first record in `open`.
    first: u64,
    /// All records from the oldest unsettled one on.
    open: VecDeque<Record>,
    watermark: Option<i64>,
}

#[derive(Debug)]
struct Record {
    offset: i64,
    written: Option<SystemTime>,
    settled: bool,
}

impl Ledger {
    /// Adds a record. The first one of a partition after [`revoke`](Self::revoke) begins a new generation.
    pub fn issue(&mut self, partition: &TopicPartition, offset: i64) -> Ticket {
        self.issue_written(partition, offset, None)
    }

    /// Adds a record with the time when it was written.
    pub(super) fn issue_written(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        written: Option<SystemTime>,
    ) -> Ticket {
        let generations = &mut self.generations;
        let entry = self.partitions.entry(partition.clone()).or_insert_with(|| {
            *generations += 1;
            Partition { generation: *generations, first: 0, open: VecDeque::new(), watermark: None }
        });
        let sequence = entry.first + entry.open.len() as u64;
        entry.open.push_back(Record { offset, written, settled: false });
        Ticket { partition: partition.clone(), offset, generation: entry.generation, sequence, bytes: 0 }
    }

    /// Settles a record. A ticket from before the partition was revoked has no effect.
    ///
    /// Whether it had an effect.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket can be used once")]
    pub fn settle(&mut self, ticket: Ticket) -> bool {
        let current = self.partitions.get_mut(&ticket.partition);
        let Some(partition) = current.filter(|partition| partition.generation == ticket.generation) else {
            return false;
        };
        let index =
            ticket.sequence.checked_sub(partition.first).and_then(|index| usize::try_from(index).ok());
        let Some(record) = index.and_then(|index| partition.open.get_mut(index)) else {
            unreachable!("a ticket of this generation is issued once and used once")
        };
        record.settled = true;
        while let Some(done) = partition.open.pop_front_if(|record| record.settled) {
            partition.first += 1;
            // Kafka expects the offset of the next record.
            partition.watermark = Some(done.offset + 1);
        }
        true
    }

    /// The latest generation of all partitions.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generations
    }

    /// Removes partitions that were revoked.
    pub fn revoke(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.partitions.remove(partition);
        }
    }

    /// The watermark of each partition: the offset below which all records that were read are settled.
    pub fn watermarks(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.partitions
            .iter()
            .filter_map(|(name, partition)| partition.watermark.map(|offset| (name, offset)))
    }

    /// The offset of a partition's first unsettled record, and when the oldest unsettled record was written. None if
    /// all records are settled.
    pub(super) fn oldest(&self, partition: &TopicPartition) -> Option<(i64, Option<SystemTime>)> {
        let open = &self.partitions.get(partition)?.open;
        let unsettled = open.iter().filter(|record| !record.settled);
        Some((open.front()?.offset, unsettled.filter_map(|record| record.written).min()))
    }

    /// The number of unsettled records of each partition that was read.
    pub fn outstanding(&self) -> impl Iterator<Item = (&TopicPartition, usize)> {
        self.partitions
            .iter()
            .map(|(name, partition)| (name, partition.open.iter().filter(|record| !record.settled).count()))
    }

    /// The number of records beyond the watermarks, settled or not. They will be read again after a restart.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.partitions.values().map(|partition| partition.open.len()).sum()
    }

    /// Whether these partitions have no unsettled records.
    pub fn is_settled(&self, partitions: &[TopicPartition]) -> bool {
        partitions
            .iter()
            .filter_map(|name| self.partitions.get(name))
            .all(|partition| partition.open.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn posts(number: i32) -> TopicPartition {
        TopicPartition::new("posts", number)
    }

    fn watermarks(ledger: &Ledger) -> Vec<(TopicPartition, i64)> {
        ledger.watermarks().map(|(partition, offset)| (partition.clone(), offset)).collect()
    }

    #[test]
    fn the_watermark_stops_at_the_first_unsettled_record() {
        let mut ledger = Ledger::default();
        let [first, second, third] = [3, 4, 5].map(|offset| ledger.issue(&posts(0), offset));
        assert_eq!(watermarks(&ledger), []);
        assert!(ledger.settle(second));
        assert_eq!(watermarks(&ledger), [], "offset 3 is not settled");
        assert!(ledger.settle(first));
        assert_eq!(watermarks(&ledger), [(posts(0), 5)]);
        assert!(ledger.settle(third));
        assert_eq!(watermarks(&ledger), [(posts(0), 6)]);
    }

    #[test]
    fn gaps_between_offsets_do_not_block_the_watermark() {
        let mut ledger = Ledger::default();
        let [first, second] = [10, 500].map(|offset| ledger.issue(&posts(2), offset));
        assert!(ledger.settle(first));
        assert!(ledger.settle(second));
        assert_eq!(watermarks(&ledger), [(posts(2), 501)]);
    }

    #[test]
    fn a_ticket_from_before_a_rebalance_has_no_effect() {
        let mut ledger = Ledger::default();
        let stale = ledger.issue(&posts(0), 7);
        ledger.revoke(&[posts(0)]);
        let fresh = ledger.issue(&posts(0), 7);
        assert!(!ledger.settle(stale));
        assert_eq!(watermarks(&ledger), []);
        assert!(ledger.settle(fresh));
        assert_eq!(watermarks(&ledger), [(posts(0), 8)]);
    }

    #[test]
    fn sequences_number_the_records_of_an_assignment_without_gaps() {
        let mut ledger = Ledger::default();
        let first = ledger.issue(&posts(0), 10);
        let second = ledger.issue(&posts(0), 20);
        assert_eq!((first.sequence(), second.sequence()), (0, 1));
        assert!(ledger.settle(first));
        assert_eq!(ledger.issue(&posts(0), 21).sequence(), 2, "settling does not renumber");
        ledger.revoke(&[posts(0)]);
        let next = ledger.issue(&posts(0), 10);
        assert_eq!(next.sequence(), 0);
        assert!(next.generation() > second.generation());
    }

    #[test]
    fn partitions_are_settled_when_they_have_no_open_records() {
        let mut ledger = Ledger::default();
        let (left, right) = (ledger.issue(&posts(0), 0), ledger.issue(&posts(1), 0));
        assert!(!ledger.is_settled(&[posts(0)]));
        assert!(ledger.settle(left));
        assert!(ledger.is_settled(&[posts(0), posts(7)]), "a partition that was never read is settled");
        assert!(!ledger.is_settled(&[posts(0), posts(1)]));
        assert_eq!(ledger.outstanding().collect::<Vec<_>>(), [(&posts(0), 0), (&posts(1), 1)]);
        assert!(ledger.settle(right));
    }

    #[test]
    fn partitions_of_equal_numbers_in_two_topics_do_not_touch_each_other() {
        let mut ledger = Ledger::default();
        let other = TopicPartition::new("other", 0);
        let [slow, quick] = [posts(0), other.clone()].map(|partition| ledger.issue(&partition, 3));
        assert_eq!((slow.sequence(), quick.sequence()), (0, 0));
        assert!(ledger.settle(quick));
        assert_eq!(watermarks(&ledger), [(other.clone(), 4)], "offset 3 of `posts` is not settled");
        ledger.revoke(&[other]);
        assert!(!ledger.is_settled(&[posts(0)]));
        assert!(ledger.settle(slow), "its partition was not revoked");
        assert_eq!(watermarks(&ledger), [(posts(0), 4)]);
    }

    /// A step of the property test.
    #[derive(Debug, Clone)]
    enum Step {
        /// The next record of a partition is read, its offset this much after the last one's.
        Issue { partition: TopicPartition, gap: i64 },
        /// One of the open tickets is returned.
        Settle { which: prop::sample::Index },
        /// A partition is revoked.
        Revoke { partition: TopicPartition },
    }

    /// One of four partitions: two numbers in two topics.
    fn partitions() -> impl Strategy<Value = TopicPartition> {
        (any::<bool>(), 0..2i32).prop_map(|(is_post, number)| {
            TopicPartition::new(if is_post { "posts" } else { "other" }, number)
        })
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (partitions(), 1..5i64).prop_map(|(partition, gap)| Step::Issue { partition, gap }),
            4 => any::<prop::sample::Index>().prop_map(|which| Step::Settle { which }),
            1 => partitions().prop_map(|partition| Step::Revoke { partition }),
        ];
        prop::collection::vec(step, 0..200)
    }

    /// A naive model: all offsets of an assignment, and which of them are settled.
    #[derive(Default)]
    struct Naive {
        issued: Vec<i64>,
        settled: BTreeSet<i64>,
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_naive_model(steps in steps()) {
            let mut ledger = Ledger::default();
            let mut naive: BTreeMap<TopicPartition, Naive> = BTreeMap::new();
            let mut last: BTreeMap<TopicPartition, i64> = BTreeMap::new();
            let mut out: Vec<(Ticket, bool)> = Vec::new();
            for step in steps {
                match step {
                    Step::Issue { partition, gap } => {
                        let offset = last.get(&partition).copied().unwrap_or(-1) + gap;
                        last.insert(partition.clone(), offset);
                        naive.entry(partition.clone()).or_default().issued.push(offset);
                        out.push((ledger.issue(&partition, offset), true));
                    }
                    Step::Settle { which } if !out.is_empty() => {
                        let (ticket, current) = out.swap_remove(which.index(out.len()));
                        if current {
                            let model = naive.get_mut(ticket.partition()).unwrap();
                            model.settled.insert(ticket.offset());
                        }
                        prop_assert_eq!(ledger.settle(ticket), current);
                    }
                    Step::Settle { .. } => {}
                    Step::Revoke { partition } => {
                        ledger.revoke(std::slice::from_ref(&partition));
                        naive.remove(&partition);
                        for (ticket, current) in &mut out {
                            *current &= *ticket.partition() != partition;
                        }
                    }
                }
                let expected: Vec<(TopicPartition, i64)> = naive
                    .iter()
                    .filter_map(|(partition, model)| {
                        let prefix = model.issued.iter().take_while(|offset| model.settled.contains(offset));
                        prefix.last().map(|offset| (partition.clone(), offset + 1))
                    })
                    .collect();
                prop_assert_eq!(watermarks(&ledger), expected);
                let outstanding = ledger.outstanding().map(|(_, count)| count).sum::<usize>();
                prop_assert_eq!(outstanding, out.iter().filter(|(_, current)| *current).count());
            }
        }
    }
}
