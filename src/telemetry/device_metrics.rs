//! Metrics of the device: idle time, and memory that encodings of pictures take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prometheus::{Counter, IntGaugeVec, Opts, Registry};

use super::registration::register;
use super::scrape_hooks::ScrapeHooks;

/// The counters of the device.
#[derive(Debug, Clone)]
pub struct DeviceMetrics {
    idle: Counter,
    /// Start of the idle time that is not counted yet.
    waits: Arc<Mutex<Option<Instant>>>,
    memory: IntGaugeVec,
}

impl DeviceMetrics {
    pub(super) fn new(registry: &Registry, hooks: &ScrapeHooks) -> Self {
        let idle = Counter::new(
            "riveg_device_idle_seconds_total",
            "Time in which the device waited because nothing was queued.",
        );
        let memory = Opts::new(
            "riveg_device_memory_bytes",
            "The device's memory for what networks remember of pictures: what it takes, and the most that it may take.",
        );
        let device = Self {
            idle: register(registry, idle),
            waits: Arc::default(),
            memory: register(registry, IntGaugeVec::new(memory, &["device", "state"])),
        };
        let recorded = device.clone();
        hooks.add(move || recorded.record(Instant::now()));
        device
    }

    /// Nothing is queued from `now` on.
    pub fn waits(&self, now: Instant) {
        *self.waiting() = Some(now);
    }

    /// Something is queued again. Time that is neither idle nor compute time of a stage is overhead.
    pub fn works(&self, now: Instant) {
        let since = self.waiting().take();
        self.count(since, now);
    }

    /// What networks remember takes so much of `limit` whenever somebody asks the metrics.
    pub(super) fn watch_remembered(
        &self,
        hooks: &ScrapeHooks,
        (device, limit): (&str, u64),
        bytes: impl Fn() -> u64 + Send + 'static,
    ) {
        let gauge = |state: &str| self.memory.with_label_values(&[device, state]);
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        gauge("limit").set(number(limit));
        let taken = gauge("taken");
        hooks.add(move || taken.set(number(bytes())));
    }

    /// Counts the idle time so far: otherwise an idle device would look busy until it has work again.
    fn record(&self, now: Instant) {
        let mut waits = self.waiting();
        if waits.is_some() {
            self.count(waits.replace(now), now);
        }
    }

    fn count(&self, since: Option<Instant>, now: Instant) {
        let waited = since.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        self.idle.inc_by(waited.as_secs_f64());
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Instant>> {
        // Every change is one assignment: a panic leaves nothing half done.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_counts_while_it_lasts_and_no_part_of_it_twice() {
        let device = DeviceMetrics::new(&Registry::new(), &ScrapeHooks::default());
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        device.record(after(1));
        assert_eq!(device.idle.get(), 0.0, "it does not wait");
        device.waits(after(10));
        device.record(after(13));
        assert_eq!(device.idle.get(), 3.0);
        device.works(after(15));
        device.record(after(20));
        assert_eq!(device.idle.get(), 5.0);
    }
}
