//! Metrics of memory: resident, planned by the settings, and used for encodings of pictures.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::{IntGauge, IntGaugeVec, Opts};

use super::registration::{Registry, register};
use super::scrape_hooks::ScrapeHooks;
use crate::domain::Stage;

/// The gauges of memory.
#[derive(Debug, Clone)]
pub struct MemoryMetrics {
    planned: IntGaugeVec,
    remembered: IntGaugeVec,
}

impl MemoryMetrics {
    pub(super) fn new(registry: &Registry, hooks: &ScrapeHooks) -> Self {
        let gauges = |name: &str, help: &str, label: &str| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), &[label]))
        };

        let taken = IntGauge::new("riveg_resident_memory_bytes", "Resident memory of the process in bytes.");
        let taken = register(registry, taken);
        hooks.add(move || set(&taken, resident().unwrap_or(0)));
        Self {
            planned: gauges(
                "riveg_planned_memory_bytes",
                "Resident memory that the settings lead to: once the caches are full, and at most.",
                "state",
            ),
            remembered: gauges(
                "riveg_remembered_bytes",
                "Bytes of device.trunk_cache that a stage's network spends on what it remembers of pictures.",
                "stage",
            ),
        }
    }

    /// What the settings lead to is known.
    pub fn planned(&self, settled: u64, most: u64) {
        for (state, bytes) in [("settled", settled), ("most", most)] {
            set(&self.planned.with_label_values(&[state]), bytes);
        }
    }

    pub(super) fn watch_remembered(&self, hooks: &ScrapeHooks, stage: Stage, bytes: Arc<AtomicU64>) {
        let gauge = self.remembered.with_label_values(&[stage.as_str()]);
        hooks.add(move || set(&gauge, bytes.load(Ordering::Relaxed)));
    }
}

/// The resident memory of this process in bytes; none where the system does not say.
#[must_use]
pub fn resident() -> Option<u64> {
    in_status(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The same, in the text of `/proc/self/status`.
fn in_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

fn set(gauge: &IntGauge, bytes: u64) {
    gauge.set(i64::try_from(bytes).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\triveg\nVmHWM:\t   70000 kB\nVmRSS:\t   65432 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(in_status(status), Some(65432 * 1024));
        assert_eq!(in_status("VmRSS:\tmany kB\n"), None);
        assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
    }
}
