//! Is it time to say it again? What lasts is said at once, then seldom.

use std::time::{Duration, Instant};

/// Lets a repeated message through once in a while. The clock is passed in.
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

    /// Whether to say it now.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.every);
        if due {
            self.last = Some(now);
        }
        due
    }

    /// The matter is settled: should it come up again, it is said at once.
    pub fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_speaks_at_once_then_seldom_and_at_once_after_it_was_settled() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut seldom = LogThrottle::new(Duration::from_secs(30));
        let spoken: Vec<u64> = (0..100).filter(|&second| seldom.is_due(after(second))).collect();
        assert_eq!(spoken, [0, 30, 60, 90]);
        seldom.reset();
        assert!(seldom.is_due(after(100)));
    }
}
