//! Watching an engine: its metrics every two seconds, of this process or behind an address, as figures for the page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::exposition::samples;
use super::feed::Feed;
use super::figures::Figures;
use crate::common::http_util::TextClient;
use crate::telemetry::Metrics;

/// Between two looks: short enough to see a change, long enough for a rate.
const EVERY: Duration = Duration::from_secs(2);

/// Where metrics come from.
pub(in crate::cli) enum EngineMetrics {
    /// This process.
    Here(Arc<Metrics>),
    /// The address of another process's metrics.
    Behind(TextClient),
}

impl EngineMetrics {
    async fn page(&self) -> Result<String, String> {
        match self {
            Self::Here(metrics) => Ok(metrics.render()),
            Self::Behind(client) => client.get().await,
        }
    }
}

/// Writes figures into the feed until `closed`.
pub(super) async fn watch(metrics: EngineMetrics, feed: Arc<Feed>, closed: CancellationToken) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closed.cancelled() => return,
        }
        let page = tokio::select! {
            page = metrics.page() => page,
            () = closed.cancelled() => return,
        };
        let now = Instant::now();
        let figures = match page {
            Ok(text) => {
                let found = samples(&text);
                let figures = before.as_ref().map(|(since, earlier): &(Instant, Vec<_>)| {
                    Figures::between(earlier, &found, now.duration_since(*since))
                });
                before = Some((now, found));
                figures
            }
            Err(fault) => {
                before = None;
                Some(Figures::fault(fault))
            }
        };
        // Numbers, strings and lists of them always become JSON.
        if let Some(json) = figures.and_then(|figures| serde_json::to_string(&figures).ok()) {
            feed.change(|window| window.set_figures(json));
        }
    }
}
