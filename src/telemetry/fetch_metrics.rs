//! Metrics of picture fetches: outcomes, bytes, times and retries.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts};

use super::registration::{Registry, register, seconds_buckets};

/// How fetching a picture ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchOutcome {
    /// With its bytes.
    Fetched,
    /// Its address may not be asked.
    Refused,
    /// It has too many bytes.
    TooLarge,
    /// Its host had given no answer for a while, and was not asked.
    HostShut,
    /// There was no room for it in time.
    NoRoom,
    /// No attempt brought it.
    Failed,
}

impl FetchOutcome {
    const ALL: [Self; 6] =
        [Self::Fetched, Self::Refused, Self::TooLarge, Self::HostShut, Self::NoRoom, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Fetched => "fetched",
            Self::Refused => "refused",
            Self::TooLarge => "too-large",
            Self::HostShut => "host-shut",
            Self::NoRoom => "no-room",
            Self::Failed => "failed",
        }
    }
}

/// The counters of fetching, looked up once.
#[derive(Debug, Clone)]
pub struct FetchMetrics {
    outcomes: [IntCounter; FetchOutcome::ALL.len()],
    bytes: IntCounter,
    seconds: Histogram,
    retries: IntCounter,
}

impl FetchMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let outcomes = register(
            registry,
            IntCounterVec::new(
                Opts::new("riveg_picture_fetches_total", "Pictures asked for by address, by outcome."),
                &["outcome"],
            ),
        );
        let counter = |name: &str, help: &str| register(registry, IntCounter::new(name, help));
        let seconds = HistogramOpts::new(
            "riveg_picture_fetch_seconds",
            "Time to fetch a picture: redirects, attempts and waits.",
        );
        Self {
            outcomes: FetchOutcome::ALL.map(|outcome| outcomes.with_label_values(&[outcome.as_str()])),
            bytes: counter("riveg_picture_fetch_bytes_total", "Bytes of fetched pictures."),
            seconds: register(registry, Histogram::with_opts(seconds.buckets(seconds_buckets()))),
            retries: counter(
                "riveg_picture_fetch_retries_total",
                "Further attempts after faults that may pass.",
            ),
        }
    }

    /// A picture of so many bytes was fetched in this time.
    pub fn fetched(&self, bytes: u64, took: Duration) {
        self.outcomes[FetchOutcome::Fetched as usize].inc();
        self.bytes.inc_by(bytes);
        self.seconds.observe(took.as_secs_f64());
    }

    /// A picture was not fetched, which was known after this time.
    pub fn not_fetched(&self, outcome: FetchOutcome, took: Duration) {
        self.outcomes[outcome as usize].inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// A picture is asked for again.
    pub fn retried(&self) {
        self.retries.inc();
    }
}
