//! Metrics of a feed that `riveg ingest` reads: its events, its connections, and how far behind it is.

use std::time::Duration;

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts};

use super::registration::{Registry, register};

/// What became of an event of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedEvent {
    /// The topic has it.
    Written,
    /// It was read before.
    Repeated,
    /// It is about no post.
    Skipped,
    /// It cannot be read.
    Malformed,
    /// It is longer than the limit of events, or than the topic takes.
    TooLarge,
}

impl FeedEvent {
    const ALL: [Self; 5] = [Self::Written, Self::Repeated, Self::Skipped, Self::Malformed, Self::TooLarge];

    fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Repeated => "repeated",
            Self::Skipped => "skipped",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
        }
    }
}

/// The families of all feeds. They have series only in a process that reads a feed.
#[derive(Debug, Clone)]
pub(super) struct FeedFamilies {
    events: IntCounterVec,
    connections: IntCounterVec,
    behind: GaugeVec,
    unacknowledged: IntGaugeVec,
}

/// The metrics of one feed.
#[derive(Debug, Clone)]
pub struct FeedMetrics {
    families: FeedFamilies,
    feed: &'static str,
}

impl FeedFamilies {
    pub(super) fn new(registry: &Registry) -> Self {
        let opts = |name: &str, help: &str| Opts::new(name, help);
        let events = opts(
            "riveg_feed_events_total",
            "Events of a feed by what became of them: written, repeated, skipped, malformed, too-large.",
        );
        let connections = opts("riveg_feed_connections_total", "Connections to the servers of a feed.");
        let behind = opts("riveg_feed_behind_seconds", "Age of the latest event when it was read.");
        let waiting = opts("riveg_feed_unacknowledged", "Events that the broker has not confirmed.");
        Self {
            events: register(registry, IntCounterVec::new(events, &["feed", "outcome"])),
            connections: register(registry, IntCounterVec::new(connections, &["feed"])),
            behind: register(registry, GaugeVec::new(behind, &["feed"])),
            unacknowledged: register(registry, IntGaugeVec::new(waiting, &["feed"])),
        }
    }

    pub(super) fn of(&self, feed: &'static str) -> FeedMetrics {
        for outcome in FeedEvent::ALL {
            self.events.with_label_values(&[feed, outcome.as_str()]).inc_by(0);
        }
        self.connections.with_label_values(&[feed]).inc_by(0);
        FeedMetrics { families: self.clone(), feed }
    }
}

impl FeedMetrics {
    /// An event was settled.
    pub fn event(&self, outcome: FeedEvent) {
        self.families.events.with_label_values(&[self.feed, outcome.as_str()]).inc();
    }

    /// A connection was opened.
    pub fn connected(&self) {
        self.families.connections.with_label_values(&[self.feed]).inc();
    }

    /// The age of the latest event.
    pub fn behind(&self, age: Duration) {
        self.families.behind.with_label_values(&[self.feed]).set(age.as_secs_f64());
    }

    /// Events that wait for the broker.
    pub fn unacknowledged(&self, events: usize) {
        self.families.unacknowledged.with_label_values(&[self.feed]).set(events as i64);
    }
}
