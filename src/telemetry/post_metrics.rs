//! Metrics of posts: decoding time, end-to-end time, posts in flight and posts answered in part.

use std::time::{Duration, SystemTime};

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge};

use super::exemplars::Exemplars;
use super::registration::{Registry, end_to_end_buckets, register, seconds_buckets};

/// The histogram with exemplars.
const END_TO_END: &str = "riveg_end_to_end_seconds";

/// Times, gauges and counters of posts.
#[derive(Debug, Clone)]
pub(super) struct PostMetrics {
    decode_seconds: Histogram,
    degraded: IntCounter,
    end_to_end_seconds: Histogram,
    end_to_end_exemplars: Exemplars,
    in_flight: IntGauge,
    picture_bytes: IntGauge,
}

impl PostMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let seconds = |name: &str, help: &str, buckets: Vec<f64>| {
            register(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets)))
        };
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help));
        Self {
            decode_seconds: seconds(
                "riveg_decode_seconds",
                "Time to decode a post with its pictures.",
                seconds_buckets(),
            ),
            degraded: register(
                registry,
                IntCounter::new("riveg_posts_degraded_total", "Posts that were answered in part."),
            ),
            end_to_end_seconds: seconds(
                END_TO_END,
                "Time from the input record's timestamp to the delivery of its output.",
                end_to_end_buckets(),
            ),
            end_to_end_exemplars: Exemplars::new(&end_to_end_buckets()),
            in_flight: gauge("riveg_posts_in_flight", "Posts read and not yet settled."),
            picture_bytes: gauge(
                "riveg_picture_bytes_in_flight",
                "Bytes of decoded pictures of the posts in flight.",
            ),
        }
    }

    pub(super) fn decoded(&self, took: Duration) {
        self.decode_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn degraded(&self) {
        self.degraded.inc();
    }

    pub(super) fn delivered(&self, end_to_end: Duration, trace: Option<String>) {
        self.end_to_end_seconds.observe(end_to_end.as_secs_f64());
        if let Some(trace) = trace {
            self.end_to_end_exemplars.observed(end_to_end.as_secs_f64(), trace, SystemTime::now());
        }
    }

    /// The exemplars, with the name of their histogram.
    pub(super) fn exemplars(&self) -> (&'static str, &Exemplars) {
        (END_TO_END, &self.end_to_end_exemplars)
    }

    pub(super) fn set_in_flight(&self, posts: usize) {
        self.in_flight.set(posts as i64);
    }

    pub(super) fn in_flight(&self) -> u64 {
        u64::try_from(self.in_flight.get()).unwrap_or(0)
    }

    pub(super) fn set_picture_bytes(&self, bytes: u64) {
        self.picture_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
