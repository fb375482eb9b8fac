//! Memory limit: the largest batch that fits the device, learned from batches that fitted and batches that did not.

/// Full batches that must fit before the limit grows by a step: one may have fitted by chance.
const PASSES_PER_STEP: u32 = 25;

/// A step closes this part of the gap between the limit and the size that failed: three or four failures find the limit
/// of the hardware to within [`SETTLED`], each of them a few steps after the one before.
const STEP: u64 = 4;

/// The limit stops growing when the gap is at most this part of the size that failed: 3 %, which is less than another
/// failure would cost.
const SETTLED: u64 = 32;

/// Full batches before the size that failed is tried again, since memory may have become free: at 50 ms a batch, two
/// minutes. Each time it fails again the wait is twice as long, up to [`MAX_WAIT`].
const MIN_WAIT: u32 = 2_000;

/// At 50 ms a batch, a quarter of an hour: freed memory is found within that, and the failures cost next to nothing.
const MAX_WAIT: u32 = 16_000;

/// The largest padded cost of a batch now.
#[derive(Debug, Clone)]
pub(super) struct MemoryLimit {
    configured: u64,
    now: u64,
    /// The smallest padded cost that did not fit; none if all did.
    failed: Option<u64>,
    /// The largest padded cost that fitted since anything that large failed.
    fitted: u64,
    /// Full batches that passed since the limit last changed.
    passed: u32,
    wait: u32,
}

impl MemoryLimit {
    pub(super) fn new(configured: u64) -> Self {
        Self { configured, now: configured, failed: None, fitted: 0, passed: 0, wait: MIN_WAIT }
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Records a batch that fitted. Only a full one, which the limit kept from being larger, shows whether a larger one
    /// may fit too.
    pub(super) fn passed(&mut self, padded: u64, was_full: bool) {
        self.fitted = self.fitted.max(padded);
        if !was_full || self.now >= self.configured {
            return;
        }
        self.passed += 1;
        let Some((limit, passes)) = self.next() else {
            // What failed fits now.
            if self.passed >= PASSES_PER_STEP {
                (self.failed, self.passed, self.wait) = (None, 0, MIN_WAIT);
            }
            return;
        };
        if self.passed >= passes {
            (self.now, self.passed) = (limit, 0);
        }
    }

    /// Records a batch that did not fit. The limit becomes the largest size known to fit, or half of the failed size.
    pub(super) fn ran_out(&mut self, padded: u64) {
        if self.failed.is_some_and(|failed| self.now >= failed) {
            self.wait = (2 * self.wait).min(MAX_WAIT);
        }
        if self.fitted >= padded {
            // It fitted earlier, with more free memory.
            self.fitted = 0;
        }
        let fits = if self.fitted > 0 { self.fitted } else { padded / 2 };
        self.now = self.now.min(fits).max(1);
        self.failed = Some(self.failed.map_or(padded, |failed| failed.min(padded)));
        self.passed = 0;
    }

    /// The next larger limit, and after how many full batches; none while the size that failed is being tried.
    fn next(&self) -> Option<(u64, u32)> {
        let top = self.failed.unwrap_or(self.configured);
        let gap = top.checked_sub(self.now).filter(|gap| *gap > 0)?;
        if gap > top / SETTLED {
            Some((self.now + gap.div_ceil(STEP), PASSES_PER_STEP))
        } else {
            Some((top, if self.failed.is_some() { self.wait } else { PASSES_PER_STEP }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs full batches on a device that holds `holds`; returns how many did not fit.
    fn run(limit: &mut MemoryLimit, holds: u64, batches: usize) -> usize {
        let mut ran_out = 0;
        for _ in 0..batches {
            let padded = limit.now();
            if padded <= holds {
                limit.passed(padded, true);
                continue;
            }
            ran_out += 1;
            limit.ran_out(padded);
            // Its halves.
            for _ in 0..2 {
                if padded / 2 <= holds { limit.passed(padded / 2, false) } else { limit.ran_out(padded / 2) }
            }
        }
        ran_out
    }

    #[test]
    fn the_limit_approaches_the_failed_size_from_below() {
        for holds in [130, 1_000, 4_097, 5_000, 7_777, 8_191] {
            let mut limit = MemoryLimit::new(8_192);
            let searching = run(&mut limit, holds, 1_000);
            assert!(searching <= 8, "{searching} failures on the way to {holds}");
            assert!(limit.now() <= holds && 100 * limit.now() >= 93 * holds, "{} of {holds}", limit.now());
        }
    }

    #[test]
    fn the_failed_size_is_retried_at_growing_intervals() {
        let mut limit = MemoryLimit::new(8_192);
        run(&mut limit, 5_000, 1_000);
        let failures: Vec<usize> = (0..10).map(|_| run(&mut limit, 5_000, 10_000)).collect();
        assert!(failures.iter().all(|&count| count <= 6), "{failures:?}");
        assert!(failures[3..].iter().all(|&count| count <= 2), "{failures:?}");
    }

    #[test]
    fn the_limit_follows_memory_that_is_freed_or_taken() {
        let mut limit = MemoryLimit::new(8_192);
        run(&mut limit, 3_000, 50_000);
        assert!(limit.now() <= 3_000);
        run(&mut limit, 6_000, 20_000);
        assert!((5_580..=6_000).contains(&limit.now()), "{}", limit.now());
        run(&mut limit, 2_000, 1_000);
        assert!((1_860..=2_000).contains(&limit.now()), "{}", limit.now());
        run(&mut limit, u64::MAX, 20_000);
        assert_eq!(limit.now(), 8_192);
    }

    #[test]
    fn partial_batches_do_not_raise_the_limit() {
        let mut limit = MemoryLimit::new(1_000);
        limit.ran_out(1_000);
        (0..100_000).for_each(|_| limit.passed(400, false));
        assert_eq!(limit.now(), 500);
    }

    #[test]
    fn a_smaller_failure_halves_the_limit_again() {
        let mut limit = MemoryLimit::new(1_000);
        limit.ran_out(1_000);
        assert_eq!(limit.now(), 500);
        limit.ran_out(300);
        assert_eq!(limit.now(), 150, "a smaller batch failed than the limit allows: it is the evidence");
        limit.ran_out(300);
        assert_eq!(limit.now(), 150, "what fails at 300 again tells nothing new");
        limit.ran_out(1);
        assert_eq!(limit.now(), 1, "never nothing");
    }
}
