//! Flows of requests. Requests that belong together are a flow, and no flow waits for all that another asks.

use std::sync::atomic::{AtomicU64, Ordering};

/// Whose requests these are: those of one flow take turns with those of every other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flow(u64);

/// Numbers flows.
#[derive(Debug, Default)]
pub struct Flows(AtomicU64);

impl Flows {
    /// A flow that no other is.
    pub fn begin(&self) -> Flow {
        // Only the number matters, not what happened before it.
        Flow(self.0.fetch_add(1, Ordering::Relaxed))
    }
}
