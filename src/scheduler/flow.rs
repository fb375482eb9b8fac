//! Flows: requests that belong together, for example of one post; flows share a lane fairly.

use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies a flow: its requests alternate with those of every other flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flow(u64);

/// Numbers flows.
#[derive(Debug, Default)]
pub struct Flows(AtomicU64);

impl Flows {
    /// A new flow.
    pub fn begin(&self) -> Flow {
        // Only uniqueness matters, not order.
        Flow(self.0.fetch_add(1, Ordering::Relaxed))
    }
}
