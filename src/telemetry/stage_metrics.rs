//! Metrics of a stage on its device: requests, batches and times, with one function for each event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use super::LatencyRecorder;
use super::registration::{Registry, register, seconds_buckets};
use super::traces::Tracer;
use crate::domain::Stage;

/// How a request to a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a reply.
    Answered,
    /// With an error of its own.
    Failed,
    /// With the device.
    DeviceLost,
    /// Its caller had gone before it ran.
    Abandoned,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Answered, Self::Failed, Self::DeviceLost, Self::Abandoned];

    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::DeviceLost => "device-lost",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The counters of one stage, looked up once.
#[derive(Clone)]
pub struct StageMetrics {
    outcomes: [IntCounter; 4],
    batch_size: Histogram,
    padding_ratio: Histogram,
    queue_seconds: Histogram,
    compute_seconds: Histogram,
    latency_seconds: Histogram,
    queue_depth: IntGauge,
    splits: IntCounter,
    out_of_memory: IntCounter,
    max_batch: Arc<AtomicU64>,
    latency: Arc<LatencyRecorder>,
    queue: Arc<LatencyRecorder>,
    compute: Arc<LatencyRecorder>,
    tracer: Tracer,
}

/// A request that waits for its batch, until dropped.
#[derive(Debug)]
pub struct Queued(IntGauge);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Summary of one stage, for reports.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSummary {
    /// Which stage.
    pub stage: Stage,
    /// Requests answered, whatever the answer.
    pub requests: u64,
    /// Batches bound.
    pub batches: u64,
    /// Requests a batch; 0 where none ran.
    pub mean_batch: f64,
    /// Requests in the largest batch; 0 where none ran.
    pub max_batch: u64,
    /// Cost computed for each unit of cost asked for; 0 where none ran.
    pub mean_padding: f64,
    /// From call to reply, waits included: half were not longer.
    pub latency_p50: Duration,
    /// From call to reply, waits included: 99 in 100 were not longer.
    pub latency_p99: Duration,
    /// Waiting to be bound to a batch: half were not longer.
    pub queue_p50: Duration,
    /// Waiting to be bound to a batch: 99 in 100 were not longer.
    pub queue_p99: Duration,
    /// On the device, of a batch: half were not longer.
    pub compute_p50: Duration,
    /// On the device, of a batch: 99 in 100 were not longer.
    pub compute_p99: Duration,
}

impl StageMetrics {
    /// The same counters, with batches traced.
    pub(super) fn traced_by(&self, tracer: Tracer) -> Self {
        Self { tracer, ..self.clone() }
    }

    /// What traces batches.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// One request ended so, this long after it was called.
    pub fn answered(&self, outcome: Outcome, latency: Duration) {
        self.outcomes[outcome as usize].inc();
        self.latency_seconds.observe(latency.as_secs_f64());
        self.latency.record(latency);
    }

    /// Requests that were answered so far, whatever the answer.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.latency_seconds.get_sample_count()
    }

    /// A request has come, and waits for a place or in the queue.
    #[must_use]
    pub fn queue(&self) -> Queued {
        self.queue_depth.inc();
        Queued(self.queue_depth.clone())
    }

    /// Callers of that many requests had gone before they ran.
    pub fn abandoned(&self, requests: usize) {
        self.outcomes[Outcome::Abandoned as usize].inc_by(requests as u64);
    }

    /// One request was bound to a batch after this wait in its queue.
    pub fn queued(&self, waited: Duration) {
        self.queue_seconds.observe(waited.as_secs_f64());
        self.queue.record(waited);
    }

    /// A batch was bound: its size, and what it costs for each unit of cost asked for.
    pub fn batch(&self, size: usize, padding_ratio: f64) {
        self.batch_size.observe(size as f64);
        self.max_batch.fetch_max(size as u64, Ordering::Relaxed);
        self.padding_ratio.observe(padding_ratio);
    }

    /// The network ran this long.
    pub fn computed(&self, took: Duration) {
        self.compute_seconds.observe(took.as_secs_f64());
        self.compute.record(took);
    }

    /// A part of a failed batch was run on its own.
    pub fn split(&self) {
        self.splits.inc();
    }

    /// The device's memory did not hold a batch.
    pub fn out_of_memory(&self) {
        self.out_of_memory.inc();
    }

    pub(super) fn summary(&self, stage: Stage) -> StageSummary {
        let mean = |histogram: &Histogram| match histogram.get_sample_count() {
            0 => 0.0,
            count => histogram.get_sample_sum() / count as f64,
        };
        let quantile = |recorder: &LatencyRecorder, share| recorder.quantile(share).unwrap_or_default();
        StageSummary {
            stage,
            requests: self.latency.count(),
            batches: self.batch_size.get_sample_count(),
            mean_batch: mean(&self.batch_size),
            max_batch: self.max_batch.load(Ordering::Relaxed),
            mean_padding: mean(&self.padding_ratio),
            latency_p50: quantile(&self.latency, 0.5),
            latency_p99: quantile(&self.latency, 0.99),
            queue_p50: quantile(&self.queue, 0.5),
            queue_p99: quantile(&self.queue, 0.99),
            compute_p50: quantile(&self.compute, 0.5),
            compute_p99: quantile(&self.compute, 0.99),
        }
    }
}

/// Registers the families of all stages, and looks each stage's counters up: all start at 0.
pub(super) fn all_stages(registry: &Registry) -> [StageMetrics; Stage::WITH_RETRIEVAL.len()] {
    let counters = |name: &str, help: &str, labels: &[&str]| {
        register(registry, IntCounterVec::new(Opts::new(name, help), labels))
    };
    let histograms = |name: &str, help: &str, buckets: Vec<f64>| {
        register(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), &["stage"]))
    };
    let requests =
        counters("riveg_stage_requests_total", "Requests to a stage by outcome.", &["stage", "outcome"]);
    let splits =
        counters("riveg_stage_splits_total", "Parts of failed batches that ran on their own.", &["stage"]);
    let out_of_memory = counters(
        "riveg_stage_out_of_memory_total",
        "Batches that the device's memory did not hold.",
        &["stage"],
    );
    let sizes = vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
    let batch_size = histograms("riveg_stage_batch_size", "Requests in a batch.", sizes);
    let padding_ratio = histograms(
        "riveg_stage_padding_ratio",
        "Cost computed for each unit of cost asked for, of a batch.",
        vec![1.0, 1.05, 1.1, 1.15, 1.25, 1.5, 2.0, 4.0],
    );
    let queue_seconds = histograms(
        "riveg_stage_queue_seconds",
        "Time a request waited in its stage's queue.",
        seconds_buckets(),
    );
    let compute_seconds =
        histograms("riveg_stage_compute_seconds", "Time a batch took on the device.", seconds_buckets());
    let latency_seconds = histograms(
        "riveg_stage_latency_seconds",
        "Time from a call to its reply, waits included.",
        seconds_buckets(),
    );
    let queue_depth = Opts::new("riveg_stage_queue_depth", "Requests to a stage that wait for their batch.");
    let queue_depth = register(registry, IntGaugeVec::new(queue_depth, &["stage"]));
    Stage::WITH_RETRIEVAL.map(|stage| {
        let label = [stage.as_str()];
        StageMetrics {
            outcomes: Outcome::ALL
                .map(|outcome| requests.with_label_values(&[stage.as_str(), outcome.as_str()])),
            batch_size: batch_size.with_label_values(&label),
            padding_ratio: padding_ratio.with_label_values(&label),
            queue_seconds: queue_seconds.with_label_values(&label),
            compute_seconds: compute_seconds.with_label_values(&label),
            latency_seconds: latency_seconds.with_label_values(&label),
            queue_depth: queue_depth.with_label_values(&label),
            splits: splits.with_label_values(&label),
            out_of_memory: out_of_memory.with_label_values(&label),
            max_batch: Arc::default(),
            latency: Arc::default(),
            queue: Arc::default(),
            compute: Arc::default(),
            tracer: Tracer::default(),
        }
    })
}
