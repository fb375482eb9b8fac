//! Health as metrics: the verdicts of the probes as gauges.

use std::sync::Arc;
use std::time::Instant;

use prometheus::IntGauge;

use super::Health;
use super::registration::{Registry, register};
use super::scrape_hooks::ScrapeHooks;

/// The gauges follow `health` whenever somebody asks the metrics.
pub(super) fn watch(registry: &Registry, hooks: &ScrapeHooks, health: &Arc<Health>) {
    let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help));
    let ready = gauge("riveg_ready", "1 where /readyz says that posts can be taken in, else 0.");
    let alive = gauge("riveg_alive", "1 where /livez says that work gets on, else 0.");
    let health = Arc::clone(health);
    hooks.add(move || {
        let now = Instant::now();
        ready.set(i64::from(health.ready(now).is_ok()));
        alive.set(i64::from(health.alive(now).is_ok()));
    });
}
