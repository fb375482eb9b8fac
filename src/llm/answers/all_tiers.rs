//! All tiers: the answers in memory, above the lower tiers.

use std::any::Any;
use std::sync::{Arc, Mutex};

use super::id::AnswerId;
use super::lower_tiers::LowerTiers;
use super::record::Record;
use crate::common::cache::Cache;
use crate::telemetry::{AnswerTier, LogThrottle};

/// The tiers of one cache.
pub(super) struct AllTiers {
    pub(super) memory: Cache<AnswerId, Arc<MemoryEntry>, MakerError>,
    pub(super) lower: LowerTiers,
}

/// An answer in memory.
pub(super) struct MemoryEntry {
    pub(super) record: Record,
    /// Limits the attempts to renew the answer once it is stale.
    pub(super) renewal: Mutex<LogThrottle>,
}

/// The error of a maker, of any type.
#[derive(Clone)]
pub(super) struct MakerError(pub(super) Arc<dyn Any + Send + Sync>);

impl AllTiers {
    pub(super) fn new(max_bytes: usize, lower: LowerTiers) -> Self {
        Self { memory: Cache::new(max_bytes, |_, entry: &Arc<MemoryEntry>| entry.record.weight()), lower }
    }

    /// An entry for memory.
    pub(super) fn entry(&self, record: Record) -> Arc<MemoryEntry> {
        // A failed renewal is repeated as seldom as a question that had no answer.
        let renewal = Mutex::new(LogThrottle::new(self.lower.lifetimes.negative_ttl));
        Arc::new(MemoryEntry { record, renewal })
    }

    /// Updates the metrics of memory.
    pub(super) fn report_memory(&self) {
        let counts = self.memory.counts();
        self.lower.metrics.holds(AnswerTier::Memory, counts.entries as u64, counts.bytes as u64);
        self.lower.metrics.evicted_in_all(AnswerTier::Memory, counts.evicted);
    }
}
