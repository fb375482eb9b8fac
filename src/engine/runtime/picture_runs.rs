//! Picture runs: counters of the pictures that networks computed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pictures that went through the picture part of a network; all other requests found their features cached.
#[derive(Debug, Clone, Default)]
pub struct PictureRuns {
    /// The entailer's trunk.
    pub entail: PictureCount,
    /// The grounder's trunk: mostly none if it is shared with the entailer, which runs first.
    pub ground: PictureCount,
    /// The segmenter's encoder.
    pub segment: PictureCount,
}

/// The pictures that a network computed, by all executors together.
#[derive(Debug, Clone, Default)]
pub struct PictureCount(Vec<Arc<AtomicU64>>);

impl PictureCount {
    /// So far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl FromIterator<Arc<AtomicU64>> for PictureCount {
    fn from_iter<I: IntoIterator<Item = Arc<AtomicU64>>>(counts: I) -> Self {
        Self(counts.into_iter().collect())
    }
}
