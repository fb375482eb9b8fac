//! Metrics of picture caches: requests by outcome, entries and bytes.

use prometheus::{IntCounterVec, IntGaugeVec, Opts};

use super::registration::{Registry, register};
use super::scrape_hooks::{ScrapeHooks, catch_up};

/// What a cache has done so far, which only grows, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheTally {
    /// Questions answered from what was kept.
    pub hits: u64,
    /// Questions answered by another's making.
    pub joins: u64,
    /// Questions whose asker had to make the answer.
    pub misses: u64,
    /// Values that are kept now.
    pub entries: u64,
    /// What they take.
    pub bytes: u64,
}

/// The families of all caches.
#[derive(Debug, Clone)]
pub(super) struct CacheMetrics {
    requests: IntCounterVec,
    entries: IntGaugeVec,
    bytes: IntGaugeVec,
}

impl CacheMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauges =
            |name: &str, help: &str| register(registry, IntGaugeVec::new(Opts::new(name, help), &["kind"]));
        let requests =
            Opts::new("riveg_cache_requests_total", "Questions to a cache, by kind of cache and outcome.");
        Self {
            requests: register(registry, IntCounterVec::new(requests, &["kind", "outcome"])),
            entries: gauges("riveg_cache_entries", "Values that a cache holds."),
            bytes: gauges("riveg_cache_bytes", "What they take, in bytes."),
        }
    }

    /// A cache of that kind is asked for its tally whenever somebody asks the metrics.
    pub(super) fn watch(
        &self,
        hooks: &ScrapeHooks,
        kind: &str,
        tally: impl Fn() -> CacheTally + Send + 'static,
    ) {
        let outcome = |outcome: &str| self.requests.with_label_values(&[kind, outcome]);
        let [hits, joins, misses] = ["hit", "join", "miss"].map(outcome);
        let (entries, bytes) =
            (self.entries.with_label_values(&[kind]), self.bytes.with_label_values(&[kind]));
        hooks.add(move || {
            let tally = tally();
            [(&hits, tally.hits), (&joins, tally.joins), (&misses, tally.misses)]
                .into_iter()
                .for_each(catch_up);
            entries.set(i64::try_from(tally.entries).unwrap_or(i64::MAX));
            bytes.set(i64::try_from(tally.bytes).unwrap_or(i64::MAX));
        });
    }
}
