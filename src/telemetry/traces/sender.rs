//! Sender: the queue of finished spans, which never makes a post wait.

use tokio::sync::mpsc;

use super::super::trace_metrics::TraceMetrics;
use super::span::Span;

/// Where finished spans go.
#[derive(Clone)]
pub(super) struct Sender {
    queue: mpsc::Sender<Vec<Span>>,
    metrics: TraceMetrics,
}

impl Sender {
    pub(super) fn new(queue: mpsc::Sender<Vec<Span>>, metrics: TraceMetrics) -> Self {
        Self { queue, metrics }
    }

    /// Never waits: where no place is left, the spans are dropped and counted.
    pub(super) fn send(&self, spans: Vec<Span>) {
        let count = spans.len();
        if self.queue.try_send(spans).is_err() {
            self.metrics.dropped(count);
        }
    }
}
