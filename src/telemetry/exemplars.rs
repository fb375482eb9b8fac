//! Exemplars of a histogram: for each bucket the newest value of a post that is traced, with the id of its trace. OpenMetrics
//! carries them; the `prometheus` crate has none.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The exemplars of one histogram. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Exemplars {
    /// The upper bounds of the buckets, the last one infinite.
    bounds: Arc<[f64]>,
    newest: Arc<Mutex<Vec<Option<Exemplar>>>>,
}

/// One value, as the line of its bucket ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exemplar {
    trace: String,
    value: f64,
    at: SystemTime,
}

impl Exemplars {
    /// For a histogram with these finite bounds.
    pub(super) fn new(bounds: &[f64]) -> Self {
        let bounds: Arc<[f64]> = bounds.iter().copied().chain([f64::INFINITY]).collect();
        Self { newest: Arc::new(Mutex::new(vec![None; bounds.len()])), bounds }
    }

    /// A value was observed now, of a post with this trace.
    pub(super) fn observed(&self, value: f64, trace: String, now: SystemTime) {
        // None holds what is not a number.
        if let Some(bucket) = self.bounds.iter().position(|bound| value <= *bound) {
            self.newest()[bucket] = Some(Exemplar { trace, value, at: now });
        }
    }

    /// The newest of the bucket with this upper bound.
    pub(super) fn of_bucket(&self, bound: f64) -> Option<Exemplar> {
        // The bounds of the encoder are those of the histogram, bit for bit.
        let bucket = self.bounds.iter().position(|known| known.total_cmp(&bound).is_eq())?;
        self.newest().get(bucket).cloned().flatten()
    }

    fn newest(&self) -> MutexGuard<'_, Vec<Option<Exemplar>>> {
        // A panic while it is held leaves whole values.
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Display for Exemplar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        write!(out, " # {{trace_id=\"{}\"}} {:?} {seconds:.3}", self.trace, self.value)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_has_the_newest_value_that_fell_into_it() {
        let exemplars = Exemplars::new(&[0.5, 1.0]);
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        for (second, (value, trace)) in
            (1..).zip([(0.5, "a"), (0.7, "b"), (0.6, "c"), (9.0, "d"), (f64::NAN, "e")])
        {
            exemplars.observed(value, trace.to_owned(), at(second));
        }
        let shown = |bound| exemplars.of_bucket(bound).map(|exemplar| exemplar.to_string());
        assert_eq!(shown(0.5).unwrap(), " # {trace_id=\"a\"} 0.5 1.000");
        assert_eq!(shown(1.0).unwrap(), " # {trace_id=\"c\"} 0.6 3.000");
        assert_eq!(shown(f64::INFINITY).unwrap(), " # {trace_id=\"d\"} 9.0 4.000");
        assert_eq!(shown(0.7), None);
    }
}
