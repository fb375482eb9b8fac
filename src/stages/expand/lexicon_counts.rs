//! How many names was the lexicon asked for, and how many did it know?

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one lexicon. A name counts each time it is looked up: a repost names it again.
#[derive(Debug, Default)]
pub struct LexiconCounts {
    known: AtomicU64,
    unknown: AtomicU64,
}

impl LexiconCounts {
    /// A name was looked up.
    pub(super) fn count(&self, is_known: bool) {
        let counter = if is_known { &self.known } else { &self.unknown };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Names that were known.
    #[must_use]
    pub fn known(&self) -> u64 {
        self.known.load(Ordering::Relaxed)
    }

    /// Names that were looked up.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.known() + self.unknown.load(Ordering::Relaxed)
    }
}
