//! Metrics of the device: idle time, and memory that encodings of pictures take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prometheus::{Counter, IntGaugeVec, Opts};

use super::registration::{Registry, register};
use super::scrape_hooks::ScrapeHooks;

/// The counters of the device.
#[derive(Debug, Clone)]
pub struct DeviceMetrics {
    idle: Counter,
    /// Start of the idle time of each executor that is not counted yet.
    waits: Arc<Mutex<Vec<Option<Instant>>>>,
    memory: IntGaugeVec,
}

impl DeviceMetrics {
    pub(super) fn new(registry: &Registry, hooks: &ScrapeHooks) -> Self {
        let idle = Counter::new(
            "riveg_device_idle_seconds_total",
            "Time in which the device waited because nothing was queued; of several executors, the mean.",
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

    /// The device has so many executors.
    pub fn has_executors(&self, count: usize) {
        self.waiting().resize(count, None);
    }

    /// An executor has nothing to run from `now` on.
    pub fn waits(&self, executor: usize, now: Instant) {
        if let Some(waits) = self.waiting().get_mut(executor) {
            *waits = Some(now);
        }
    }

    /// It has something to run again. Time that is neither idle nor compute time of a stage is overhead.
    pub fn works(&self, executor: usize, now: Instant) {
        let mut waiting = self.waiting();
        let executors = waiting.len();
        let since = waiting.get_mut(executor).and_then(Option::take);
        self.count(since, now, executors);
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
        let mut waiting = self.waiting();
        let executors = waiting.len();
        for waits in waiting.iter_mut().filter(|waits| waits.is_some()) {
            self.count(waits.replace(now), now, executors);
        }
    }

    /// The share of an executor in the time of the device.
    fn count(&self, since: Option<Instant>, now: Instant, executors: usize) {
        let waited = since.map(|since| now.saturating_duration_since(since)).unwrap_or_default();
        self.idle.inc_by(waited.as_secs_f64() / executors.max(1) as f64);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Option<Instant>>> {
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
        device.has_executors(1);
        device.record(after(1));
        assert_eq!(device.idle.get(), 0.0, "it does not wait");
        device.waits(0, after(10));
        device.record(after(13));
        assert_eq!(device.idle.get(), 3.0);
        device.works(0, after(15));
        device.record(after(20));
        assert_eq!(device.idle.get(), 5.0);

        device.has_executors(2);
        device.waits(1, after(20));
        device.record(after(24));
        device.works(1, after(26));
        assert_eq!(device.idle.get(), 8.0, "half of the device waited for six seconds");
    }
}
