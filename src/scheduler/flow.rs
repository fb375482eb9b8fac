//! Flows: requests that belong together, for example of one post; flows share a lane fairly.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::telemetry::traces::SpanContext;

/// Identifies a flow: its requests alternate with those of every other flow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flow {
    number: u64,
    /// The span that its next requests are for. It does not tell flows apart.
    span: Option<SpanContext>,
}

impl PartialEq for Flow {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Flow {}

impl Hash for Flow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl Flow {
    /// The same flow, for requests of this span: the spans of their batches are linked to it.
    #[must_use]
    pub fn of_span(self, span: Option<SpanContext>) -> Self {
        Self { span, ..self }
    }

    pub(super) fn span(self) -> Option<SpanContext> {
        self.span
    }
}

/// Numbers flows.
#[derive(Debug, Default)]
pub struct Flows(AtomicU64);

impl Flows {
    /// A new flow.
    pub fn begin(&self) -> Flow {
        // Only uniqueness matters, not order.
        Flow { number: self.0.fetch_add(1, Ordering::Relaxed), span: None }
    }
}
