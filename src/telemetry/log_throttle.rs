//! Log throttle: a repeated message is logged at once, then once in an interval.

use std::time::{Duration, Instant};

/// Lets a repeated message through once in an interval. The clock is passed in.
#[derive(Debug)]
pub struct LogThrottle {
    every: Duration,
    last: Option<Instant>,
}

impl LogThrottle {
    /// Lets one through at once, and one more each time so much time has passed.
    #[must_use]
    pub fn new(every: Duration) -> Self {
        Self { every, last: None }
    }

    /// Whether to log it now.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.every);
        if due {
            self.last = Some(now);
        }
        due
    }

    /// The fault has passed: if it comes back, it is logged at once.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_once_then_once_in_an_interval_and_at_once_after_a_reset() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut throttle = LogThrottle::new(Duration::from_secs(30));
        let spoken: Vec<u64> = (0..100).filter(|&second| throttle.is_due(after(second))).collect();
        assert_eq!(spoken, [0, 30, 60, 90]);
        throttle.reset();
        assert!(throttle.is_due(after(100)));
    }
}
