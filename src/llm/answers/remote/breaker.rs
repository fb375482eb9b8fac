//! Circuit breaker of Redis: after a fault a pause, then one probe. The clock is passed in.

use std::time::{Duration, Instant};

/// The state of the connection to Redis.
#[derive(Debug)]
pub(super) struct Breaker {
    pause: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// A probe runs since then; it may have been dropped.
    HalfOpen {
        at: Instant,
    },
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Yes.
    Granted,
    /// Yes, as the only probe, with a new connection.
    Probe,
    /// No.
    Denied,
}

impl Breaker {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, state: State::Closed }
    }

    pub(super) fn permission(&mut self, now: Instant) -> Permission {
        match self.state {
            State::Closed => Permission::Granted,
            State::Open { until } if now >= until => self.probe(now),
            State::HalfOpen { at } if now.saturating_duration_since(at) >= self.pause => self.probe(now),
            State::Open { .. } | State::HalfOpen { .. } => Permission::Denied,
        }
    }

    /// Records a success. Returns whether the breaker was not closed before.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Closed) != State::Closed
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.state = State::Open { until: now + self.pause };
    }

    fn probe(&mut self, now: Instant) -> Permission {
        self.state = State::HalfOpen { at: now };
        Permission::Probe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_fault_one_probe_runs_when_the_pause_is_over() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut breaker = Breaker::new(Duration::from_secs(2));
        assert_eq!((breaker.permission(at(0)), breaker.succeeded()), (Permission::Granted, false));
        breaker.failed(at(0));
        assert_eq!(
            [1, 2, 3].map(|second| breaker.permission(at(second))),
            [Permission::Denied, Permission::Probe, Permission::Denied]
        );
        breaker.failed(at(3));
        assert_eq!(
            [4, 5].map(|second| breaker.permission(at(second))),
            [Permission::Denied, Permission::Probe]
        );
        assert_eq!(breaker.permission(at(7)), Permission::Probe, "the probe may have been dropped");
        assert!(breaker.succeeded());
        assert_eq!(breaker.permission(at(7)), Permission::Granted);
    }
}
