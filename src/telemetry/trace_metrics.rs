//! Metrics of traces: spans that the collector took, and spans that were lost.

use prometheus::{IntCounter, IntCounterVec, Opts};

use super::registration::{Registry, register};

/// The counters of spans.
#[derive(Debug, Clone)]
pub struct TraceMetrics {
    sent: IntCounter,
    dropped: IntCounter,
}

impl TraceMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let opts = Opts::new(
            "riveg_spans_total",
            "Spans of traces: `sent` to the collector, or `dropped` because the queue was full or it did not take them.",
        );
        let spans = register(registry, IntCounterVec::new(opts, &["outcome"]));
        Self { sent: spans.with_label_values(&["sent"]), dropped: spans.with_label_values(&["dropped"]) }
    }

    /// So many spans were taken.
    pub(super) fn sent(&self, spans: usize) {
        self.sent.inc_by(spans as u64);
    }

    /// So many spans were lost.
    pub(super) fn dropped(&self, spans: usize) {
        self.dropped.inc_by(spans as u64);
    }
}
