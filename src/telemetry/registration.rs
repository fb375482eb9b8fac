//! Registration of metrics in a registry that can list their families, and the bucket bounds of times.

use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::proto::{MetricFamily, MetricType};

/// A metric with all its series, as documents describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// What it counts.
    pub help: String,
}

/// Metrics of one engine. The registry of the `prometheus` crate lists only families that have series; this one lists all.
#[derive(Default)]
pub(super) struct Registry {
    series: prometheus::Registry,
    families: Mutex<Vec<Family>>,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn register(&self, collector: impl Collector + 'static) -> prometheus::Result<()> {
        let kinds = collector.collect();
        let described = collector.desc().into_iter().map(|desc| Family {
            name: desc.fq_name.clone(),
            kind: kind_of(&kinds, &desc.fq_name),
            labels: desc.variable_labels.clone(),
            help: desc.help.clone(),
        });
        let described: Vec<Family> = described.collect();
        self.series.register(Box::new(collector))?;
        self.families.lock().unwrap_or_else(PoisonError::into_inner).extend(described);
        Ok(())
    }

    /// All families with series.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        self.series.gather()
    }

    /// All families, by name.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut all = self.families.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}

/// The kind of a family, among those that its collector collects.
fn kind_of(collected: &[MetricFamily], name: &str) -> &'static str {
    let family = collected.iter().find(|family| family.name() == name);
    match family.map(MetricFamily::get_field_type) {
        Some(MetricType::COUNTER) => "counter",
        Some(MetricType::HISTOGRAM) => "histogram",
        // A gauge of the process that the system does not tell is not collected.
        _ => "gauge",
    }
}

/// Bounds in seconds, from the shortest batch on a GPU to a post that waited out a rebalance: each about double.
pub(super) fn seconds_buckets() -> Vec<f64> {
    vec![
        0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
        60.0,
    ]
}

/// Bounds in seconds, from a post that did not wait to one that waited for an hour: they separate a backlog from a
/// stall.
pub(super) fn end_to_end_buckets() -> Vec<f64> {
    vec![
        0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
        3600.0,
    ]
}

/// Registers a metric. Names are constants of this folder, used once each: neither step can fail.
pub(super) fn register<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<M>,
) -> M {
    match metric {
        Ok(metric) => {
            register_alone(registry, metric.clone());
            metric
        }
        Err(error) => unreachable!("a metric's name or labels are wrong: {error}"),
    }
}

/// Registers a collector that is not used afterwards.
pub(super) fn register_alone(registry: &Registry, collector: impl Collector + 'static) {
    if let Err(error) = registry.register(collector) {
        unreachable!("a metric's name is taken: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_to_end_buckets_separate_waits_up_to_an_hour() {
        let bounds = end_to_end_buckets();
        assert!(bounds.is_sorted_by(|earlier, later| earlier < later), "{bounds:?}");
        assert_eq!(bounds.last(), Some(&3600.0));
        // Half an hour is told from an hour, and a minute from ten.
        assert!(bounds.iter().filter(|&&bound| bound >= 60.0).count() >= 4, "{bounds:?}");
    }
}
