//! Lexicon counts: look-ups and hits.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of one lexicon. Each look-up counts, so a repost counts again.
#[derive(Debug, Default)]
pub struct LexiconCounts {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl LexiconCounts {
    /// Counts a look-up.
    pub(super) fn count(&self, is_hit: bool) {
        let counter = if is_hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Look-ups with an entry.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// All look-ups.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.hits() + self.misses.load(Ordering::Relaxed)
    }
}
