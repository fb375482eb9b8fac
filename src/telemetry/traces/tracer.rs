//! Tracer: which posts are traced, and where their spans go.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::trace_metrics::TraceMetrics;
use super::config::Traces;
use super::context::{SpanContext, TraceParent};
use super::exporter::Exporter;
use super::post_trace::PostTrace;
use super::sender::Sender;
use super::span::{Kind, Span};

/// Finished traces that wait to be sent; further ones are dropped and counted. Each has at most some dozen kilobytes.
const WAITING: usize = 1024;

/// How long the last spans may take to be sent when the engine ends.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// Begins traces. Cheap to clone; the default traces nothing.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Shared>>);

struct Shared {
    sender: Sender,
    /// The share of posts that are traced, as the bits of an `f64`.
    sample: AtomicU64,
    closing: CancellationToken,
    exporting: std::sync::Mutex<Option<JoinHandle<()>>>,
}

/// Spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("no client can be made for telemetry.traces.endpoint")]
pub struct TracerError(#[from] reqwest::Error);

/// A batch of the device that worked for posts that are traced.
#[derive(Debug)]
pub struct BatchOfSpans {
    /// The stage whose network ran.
    pub stage: &'static str,
    /// When the device began it.
    pub begun: SystemTime,
    /// Its requests, traced or not.
    pub requests: usize,
    /// The spans of the stages that it worked for.
    pub members: Vec<SpanContext>,
    /// Whether no request failed.
    pub is_clean: bool,
}

impl Tracer {
    /// A tracer that sends to the collector of the settings; one that traces nothing where they name none. Must be called
    /// within a runtime.
    ///
    /// # Errors
    /// The system's TLS cannot be used.
    pub fn start(config: &Traces, metrics: &TraceMetrics) -> Result<Self, TracerError> {
        let Some(url) = config.url() else { return Ok(Self::default()) };
        let (send, queue) = mpsc::channel(WAITING);
        let closing = CancellationToken::new();
        let exporter = Exporter::new(url, config.timeout, metrics.clone())?;
        let exporting = tokio::spawn(exporter.run(queue, closing.clone()));
        Ok(Self(Some(Arc::new(Shared {
            sender: Sender::new(send, metrics.clone()),
            sample: AtomicU64::new(config.sample.to_bits()),
            closing,
            exporting: std::sync::Mutex::new(Some(exporting)),
        }))))
    }

    /// Whether anything is traced.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Traces another share of posts from now on.
    pub fn sample(&self, share: f64) {
        if let Some(shared) = &self.0 {
            shared.sample.store(share.to_bits(), Ordering::Relaxed);
        }
    }

    /// The trace of a record or a request that has this header `traceparent`, if any. The name is made where it is traced.
    #[must_use]
    pub fn begin(&self, header: Option<&[u8]>, kind: Kind, name: impl FnOnce() -> String) -> PostTrace {
        let parent = header.and_then(TraceParent::parse);
        let Some(shared) = &self.0 else { return PostTrace::unrecorded(parent) };
        let context = parent.map_or_else(SpanContext::random, |parent| parent.context.sibling());
        let share = f64::from_bits(shared.sample.load(Ordering::Relaxed));
        if !is_sampled(parent, context.trace, share) {
            return PostTrace::unrecorded(parent);
        }
        PostTrace::begin(shared.sender.clone(), (context, parent), (name(), kind))
    }

    /// A batch has been answered: its span is a trace of its own, linked to the spans that it worked for.
    pub fn batch(&self, batch: BatchOfSpans) {
        let Some(shared) = self.0.as_ref().filter(|_| !batch.members.is_empty()) else { return };
        let BatchOfSpans { stage, begun, requests, members, is_clean } = batch;
        let requests = i64::try_from(requests).unwrap_or(i64::MAX);
        shared.sender.send(vec![Span {
            context: SpanContext::random(),
            parent: 0,
            name: format!("batch {stage}"),
            kind: Kind::Internal,
            begun,
            ended: SystemTime::now(),
            attributes: vec![("riveg.stage", stage.into()), ("riveg.batch.requests", requests.into())],
            links: members,
            failure: (!is_clean).then_some("failed"),
        }]);
    }

    /// Sends what waits and ends, within some seconds.
    pub async fn close(&self) {
        let Some(shared) = &self.0 else { return };
        shared.closing.cancel();
        let exporting = shared.exporting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(exporting) = exporting {
            // What is not sent by then is lost with the process.
            let _ = tokio::time::timeout(LAST_SPANS, exporting).await;
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Tracer").field(&self.is_on()).finish()
    }
}

/// Whether a trace is recorded: as its parent is, or else for a share of all traces, by their ids, so that all engines
/// decide alike.
fn is_sampled(parent: Option<TraceParent>, trace: u128, share: f64) -> bool {
    // The low bits are random in every kind of id. Rounding is harmless: 1.0 is every id.
    let low = (trace as u64) as f64 / u64::MAX as f64;
    parent.map_or(low < share || share >= 1.0, |parent| parent.is_sampled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_decides_and_else_the_share() {
        let parent = |is_sampled| {
            let context = SpanContext { trace: u128::MAX, span: 1 };
            Some(TraceParent { context, is_sampled })
        };
        assert!(is_sampled(parent(true), u128::MAX, 0.0) && !is_sampled(parent(false), 1, 1.0));
        for (share, expected) in [(0.0, 0..=0), (0.25, 150..=350), (1.0, 1000..=1000)] {
            // Ids spread evenly.
            let ids = (0..1000_u128).map(|number| number * u128::from(u64::MAX / 1000));
            let sampled = ids.filter(|&id| is_sampled(None, id, share)).count();
            assert!(expected.contains(&sampled), "{share}: {sampled}");
        }
        assert!(is_sampled(None, u128::MAX, 1.0));
    }
}
