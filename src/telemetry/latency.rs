//! Latency recorder: quantiles from counts in classes of 3 %.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Classes an octave: neighbouring ones differ by 2^(1/32), so a quantile is right within 2.2 %.
const PER_OCTAVE: usize = 32;

/// Octaves kept apart, from 1 microsecond to 2^30 microseconds, 18 minutes; what is outside counts at the edge.
const OCTAVES: usize = 30;

/// Counts durations; many threads may record at once. Takes 8 kB, however much is recorded.
#[derive(Debug)]
pub struct LatencyRecorder {
    counts: Box<[AtomicU64]>,
}

impl Default for LatencyRecorder {
    fn default() -> Self {
        Self { counts: (0..PER_OCTAVE * OCTAVES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl LatencyRecorder {
    /// Counts one duration.
    pub fn record(&self, took: Duration) {
        let micros = (took.as_nanos() as f64 / 1000.0).max(1.0);
        let class = ((micros.log2() * PER_OCTAVE as f64) as usize).min(self.counts.len() - 1);
        self.counts[class].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The duration that a share `quantile` (0 to 1) of all is not longer than; none before the first.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let rank = ((quantile * total as f64).ceil() as u64).max(1);
        let mut below = 0;
        let class = counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        // The middle of the class, on the scale on which classes are equal.
        let micros = ((class as f64 + 0.5) / PER_OCTAVE as f64).exp2();
        Some(Duration::from_secs_f64(micros / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_three_per_cent() {
        let recorder = LatencyRecorder::default();
        assert_eq!(recorder.quantile(0.5), None);
        for micros in 1..=10_000 {
            recorder.record(Duration::from_micros(micros));
        }
        assert_eq!(recorder.count(), 10_000);
        for (quantile, exact) in [(0.01, 100.0), (0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let measured = recorder.quantile(quantile).unwrap().as_secs_f64() * 1e6;
            assert!((measured / exact - 1.0).abs() < 0.03, "{measured} for {exact}");
        }
    }

    #[test]
    fn what_is_off_the_scale_counts_at_its_edge() {
        let recorder = LatencyRecorder::default();
        recorder.record(Duration::ZERO);
        recorder.record(Duration::from_secs(1_000_000));
        assert!(recorder.quantile(0.0).unwrap() < Duration::from_micros(2));
        assert!(recorder.quantile(1.0).unwrap() > Duration::from_secs(1000));
    }
}
