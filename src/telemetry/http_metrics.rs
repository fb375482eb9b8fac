//! Metrics of posts over HTTP: requests by status, their times, and posts by answer.

use std::time::Instant;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};

use super::registration::{Registry, register, seconds_buckets};

/// Counters, times and a gauge of posts over HTTP.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: Histogram,
    posts: IntCounterVec,
    in_flight: IntGauge,
}

/// A request, counted when it is dropped.
#[derive(Debug)]
pub struct HttpRequest {
    metrics: HttpMetrics,
    begun: Instant,
    status: Option<u16>,
}

/// A post in flight, until dropped.
#[derive(Debug)]
pub struct HttpPost(IntGauge);

/// The status of a request whose client has gone before there was one: nginx logs it so.
const CLIENT_HAS_GONE: u16 = 499;

impl HttpMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, label: &str| {
            register(registry, IntCounterVec::new(Opts::new(name, help), &[label]))
        };
        let seconds = HistogramOpts::new(
            "riveg_http_request_seconds",
            "Time from a request's head to its answer's end.",
        );
        let metrics = Self {
            requests: counters(
                "riveg_http_requests_total",
                "Requests to annotate posts; 499: the client has gone.",
                "status",
            ),
            seconds: register(registry, Histogram::with_opts(seconds.buckets(seconds_buckets()))),
            posts: counters("riveg_http_posts_total", "Posts over HTTP by their answer.", "answer"),
            in_flight: register(
                registry,
                IntGauge::new("riveg_http_posts_in_flight", "Posts over HTTP that are worked on."),
            ),
        };
        for status in ["200", "422", "429", "503", "504"] {
            let _created = metrics.requests.with_label_values(&[status]);
        }
        for answer in ["annotated", "rejected", "deleted", "skipped"] {
            let _created = metrics.posts.with_label_values(&[answer]);
        }
        metrics
    }

    /// A request has come.
    #[must_use]
    pub fn request(&self) -> HttpRequest {
        HttpRequest { metrics: self.clone(), begun: Instant::now(), status: None }
    }

    /// A post is worked on.
    #[must_use]
    pub fn post_begins(&self) -> HttpPost {
        self.in_flight.inc();
        HttpPost(self.in_flight.clone())
    }

    /// Something that a record says is answered: `annotated`, `rejected`, `deleted` or `skipped`.
    pub fn answered(&self, answer: &str) {
        self.posts.with_label_values(&[answer]).inc();
    }
}

impl HttpRequest {
    /// The status of its response.
    pub fn responds(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for HttpRequest {
    fn drop(&mut self) {
        let status = self.status.unwrap_or(CLIENT_HAS_GONE).to_string();
        self.metrics.requests.with_label_values(&[status.as_str()]).inc();
        self.metrics.seconds.observe(self.begun.elapsed().as_secs_f64());
    }
}

impl Drop for HttpPost {
    fn drop(&mut self) {
        self.0.dec();
    }
}
