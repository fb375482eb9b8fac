//! Cost model: the measured rate of batches by size, and the knee beyond which it hardly grows.

use std::time::Duration;

/// Share of the best rate that is good enough: a larger batch gains at most the rest, and delays its first request.
const KNEE_SHARE: f64 = 0.95;

/// Weight of a new measurement: the last ten batches of a size count for two thirds of what is known of it.
const NEW_SHARE: f64 = 0.1;

/// Sizes and costs are told apart in steps of a quarter: so wide that few classes matter, so narrow that padding a
/// batch to its widest member costs 12 % on average.
const CLASS_WIDTH: f64 = 1.25;

/// The class of a cost: class `k` holds costs from `1.25^k` up to, but not including, `1.25^(k+1)`.
#[must_use]
pub(super) fn class_of(cost: u64) -> usize {
    ((cost.max(1) as f64).ln() / CLASS_WIDTH.ln()) as usize
}

/// Rates measured so far, in cost per second, by class of the batch's padded cost.
///
/// Each class is judged by its own batches alone: no shape of curve is assumed, so a device that slows down with large
/// batches is handled too.
#[derive(Debug, Clone, Default)]
pub struct CostModel {
    classes: Vec<Option<Measured>>,
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    /// Cost per second, exponentially weighted.
    rate: f64,
    /// The largest padded cost seen in this class.
    largest: u64,
}

impl CostModel {
    /// Records that a batch of this padded cost took this long.
    pub fn observe(&mut self, padded: u64, took: Duration) {
        // A clock that did not move says nothing about the rate.
        if took.is_zero() {
            return;
        }
        let rate = padded as f64 / took.as_secs_f64();
        let class = class_of(padded);
        if self.classes.len() <= class {
            self.classes.resize(class + 1, None);
        }
        let measured = self.classes[class].get_or_insert(Measured { rate, largest: padded });
        measured.rate += NEW_SHARE * (rate - measured.rate);
        measured.largest = measured.largest.max(padded);
    }

    /// The smallest padded cost that reaches 95 % of the best measured rate; none before the first measurement.
    #[must_use]
    pub fn knee(&self) -> Option<u64> {
        let measured = || self.classes.iter().flatten();
        let best = measured().map(|class| class.rate).fold(0.0, f64::max);
        let class = measured().position(|class| class.rate >= KNEE_SHARE * best)?;
        // Above the largest measured class nothing is known: batches may grow beyond it.
        let is_last = measured().count() == class + 1;
        measured().nth(class).map(|knee| if is_last { u64::MAX } else { knee.largest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(time: f64) -> Duration {
        Duration::from_secs_f64(time / 1000.0)
    }

    fn seeded(service_time_ms: impl Fn(f64) -> f64, sizes: &[u64]) -> CostModel {
        let mut model = CostModel::default();
        for &size in sizes {
            model.observe(size, millis(service_time_ms(size as f64)));
        }
        model
    }

    #[test]
    fn the_knee_is_the_smallest_size_that_is_nearly_as_good_as_the_best() {
        let sizes = [1, 2, 4, 8, 16, 32, 64];
        type ServiceTime = fn(f64) -> f64;
        let cases: [(&str, ServiceTime, u64); 5] = [
            ("a flat rate needs no batch", |n| 20.0 * n, 1),
            ("a small fixed part needs a small batch", |n| 2.0 + 20.0 * n, 2),
            ("a floor is left behind", |n| f64::max(10.3, 1.3 + 2.92 * n), 8),
            ("a large fixed part wants all it can get", |n| 5.0 + 0.25 * n, u64::MAX),
            ("too large is worse", |n| 10.0 + n + if n > 16.0 { 10.0 * n } else { 0.0 }, 16),
        ];
        for (name, service_time, knee) in cases {
            assert_eq!(seeded(service_time, &sizes).knee(), Some(knee), "{name}");
        }
    }

    #[test]
    fn nothing_measured_is_no_knee() {
        assert_eq!(CostModel::default().knee(), None);
        let mut model = CostModel::default();
        model.observe(7, Duration::ZERO);
        assert_eq!(model.knee(), None);
    }

    #[test]
    fn new_measurements_outweigh_old_ones() {
        let mut model = seeded(|n| 5.0 + 0.25 * n, &[1, 8, 64]);
        assert_eq!(model.knee(), Some(u64::MAX));
        // The device has become one on which size does not matter.
        for _ in 0..100 {
            for size in [1_u64, 8, 64] {
                model.observe(size, millis(size as f64));
            }
        }
        assert_eq!(model.knee(), Some(1));
    }

    #[test]
    fn classes_are_a_quarter_wide() {
        for cost in 1..10_000_u64 {
            let class = class_of(cost) as i32;
            let (low, high) = (CLASS_WIDTH.powi(class), CLASS_WIDTH.powi(class + 1));
            let cost = cost as f64;
            assert!(low * 0.999_999 <= cost && cost < high * 1.000_001, "{cost} in class {class}");
        }
        assert_eq!(class_of(0), class_of(1));
    }
}
