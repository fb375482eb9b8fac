//! Tracing of one engine: its tracer once it is started, and the counters of spans.

use std::sync::OnceLock;

use super::super::trace_metrics::TraceMetrics;
use super::config::Traces;
use super::tracer::{Tracer, TracerError};

/// The tracer of one engine.
pub struct EngineTracing {
    metrics: TraceMetrics,
    tracer: OnceLock<Tracer>,
}

impl EngineTracing {
    pub(in crate::telemetry) fn new(metrics: TraceMetrics) -> Self {
        Self { metrics, tracer: OnceLock::new() }
    }

    /// Traces posts from now on, as the settings say. Only the first call has an effect. Must be called within a runtime.
    ///
    /// # Errors
    /// Spans cannot be sent.
    pub fn start(&self, config: &Traces) -> Result<(), TracerError> {
        // An engine starts once.
        let _ = self.tracer.set(Tracer::start(config, &self.metrics)?);
        Ok(())
    }

    /// What begins traces; before the start it traces nothing.
    #[must_use]
    pub fn tracer(&self) -> Tracer {
        self.tracer.get().cloned().unwrap_or_default()
    }
}
