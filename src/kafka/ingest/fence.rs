//! Fence: records that were read before their partition was revoked must not be published afterwards.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Ticket;
use crate::kafka::client::TopicPartition;

/// The last revoked generation of each partition. The reading thread raises it; the publisher asks it.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<Mutex<HashMap<TopicPartition, u64>>>);

impl Fence {
    /// Fences all assignments of these partitions up to that generation.
    pub fn raise(&self, partitions: &[TopicPartition], generation: u64) {
        // A poisoned lock holds a valid state: no change can panic halfway.
        let mut fenced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fenced.extend(partitions.iter().map(|partition| (partition.clone(), generation)));
    }

    /// Whether the partition of the ticket was revoked since its record was read.
    #[must_use]
    pub fn is_fenced(&self, ticket: &Ticket) -> bool {
        let fenced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fenced.get(ticket.partition()).is_some_and(|&generation| ticket.generation() <= generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ingest::Ledger;

    #[test]
    fn records_read_before_a_revocation_are_fenced_and_later_ones_are_not() {
        let (mut ledger, fence) = (Ledger::default(), Fence::default());
        let [revoked, other_number, other_topic] = [("posts", 0), ("posts", 1), ("others", 0)]
            .map(|(topic, number)| TopicPartition::new(topic, number));
        let [before, elsewhere, namesake] =
            [&revoked, &other_number, &other_topic].map(|partition| ledger.issue(partition, 7));
        assert!(!fence.is_fenced(&before));
        fence.raise(std::slice::from_ref(&revoked), ledger.generation());
        ledger.revoke(std::slice::from_ref(&revoked));
        let after = ledger.issue(&revoked, 7);
        let fenced = [&before, &after, &elsewhere, &namesake].map(|ticket| fence.is_fenced(ticket));
        assert_eq!(fenced, [true, false, false, false]);
    }
}
