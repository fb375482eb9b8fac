//! Registration of metrics, and the bucket bounds of times.

use prometheus::Registry;
use prometheus::core::Collector;

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
    if let Err(error) = registry.register(Box::new(collector)) {
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
