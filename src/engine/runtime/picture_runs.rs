//! Picture runs: counters of the pictures that networks computed.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Pictures that went through the picture part of a network; all other requests found their features cached.
#[derive(Debug, Clone, Default)]
pub struct PictureRuns {
    /// The entailer's trunk.
    pub entail: Arc<AtomicU64>,
    /// The grounder's trunk: mostly none if it is shared with the entailer, which runs first.
    pub ground: Arc<AtomicU64>,
    /// The segmenter's encoder.
    pub segment: Arc<AtomicU64>,
}
