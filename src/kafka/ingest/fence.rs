//! Is a reading over? What was read of a partition before it was taken away may not be published after.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Ticket;

/// The last generation of each partition that is over. The reading thread raises it; whoever publishes asks it.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<Mutex<HashMap<i32, u64>>>);

impl Fence {
    /// All readings of these partitions up to that generation are over.
    pub fn raise(&self, partitions: &[i32], generation: u64) {
        // Each entry is one assignment: a panic leaves nothing half done.
        let mut over = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        over.extend(partitions.iter().map(|&partition| (partition, generation)));
    }

    /// Whether the partition of the ticket was taken away since its record was read.
    #[must_use]
    pub fn is_fenced(&self, ticket: &Ticket) -> bool {
        let over = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        over.get(&ticket.partition()).is_some_and(|&generation| ticket.generation() <= generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ingest::Ledger;

    #[test]
    fn what_was_read_before_is_past_and_what_is_read_after_is_not() {
        let (mut ledger, fence) = (Ledger::default(), Fence::default());
        let (before, elsewhere) = (ledger.issue(0, 7), ledger.issue(1, 7));
        assert!(!fence.is_fenced(&before));
        fence.raise(&[0], ledger.generation());
        ledger.revoke([0]);
        let after = ledger.issue(0, 7);
        let past = [&before, &after, &elsewhere].map(|ticket| fence.is_fenced(ticket));
        assert_eq!(past, [true, false, false]);
    }
}
