//! Fence: records that were read before their partition was revoked must not be published afterwards.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Ticket;

/// The last revoked generation of each partition. The reading thread raises it; the publisher asks it.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<Mutex<HashMap<i32, u64>>>);

impl Fence {
    /// Fences all assignments of these partitions up to that generation.
    pub fn raise(&self, partitions: &[i32], generation: u64) {
        // A poisoned lock holds a valid state: no change can panic halfway.
        let mut fenced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fenced.extend(partitions.iter().map(|&partition| (partition, generation)));
    }

    /// Whether the partition of the ticket was revoked since its record was read.
    #[must_use]
    pub fn is_fenced(&self, ticket: &Ticket) -> bool {
        let fenced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fenced.get(&ticket.partition()).is_some_and(|&generation| ticket.generation() <= generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ingest::Ledger;

    #[test]
    fn records_read_before_a_revocation_are_fenced_and_later_ones_are_not() {
        let (mut ledger, fence) = (Ledger::default(), Fence::default());
        let (before, elsewhere) = (ledger.issue(0, 7), ledger.issue(1, 7));
        assert!(!fence.is_fenced(&before));
        fence.raise(&[0], ledger.generation());
        ledger.revoke([0]);
        let after = ledger.issue(0, 7);
        let fenced = [&before, &after, &elsewhere].map(|ticket| fence.is_fenced(ticket));
        assert_eq!(fenced, [true, false, false]);
    }
}
