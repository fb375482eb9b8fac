//! Circuit breaker: after many failures in a row a server is not asked for a while; then one call tests it. A pure
//! state machine with the clock passed in.

use std::time::{Duration, Instant};

use crate::telemetry::BreakerState;

/// Counts failures in a row, and refuses calls after too many.
#[derive(Debug)]
pub struct Breaker {
    max_failures: u32,
    pause: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many calls in a row have failed.
    Closed { failed: u32 },
    /// No call is let through before `until`. `why` is the last failure.
    Open { until: Instant, why: String },
    /// One call is under way as a test. `why` is the failure that opened the breaker.
    HalfOpen { why: String },
}

/// A call that was let through. Its outcome is recorded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerPass {
    /// A call while the breaker is closed.
    Regular,
    /// The call that tests the server.
    Probe,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome<'a> {
    /// The server answered.
    Success,
    /// The server failed, with this cause.
    Failure(&'a str),
    /// Unknown: the caller has gone, or the call was not sent.
    Unknown,
}

/// A call that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitOpen {
    /// When a call will be let through; none: after the test under way.
    pub retry_in: Option<Duration>,
    /// The last failure.
    pub cause: String,
}

impl Breaker {
    /// Opens for `pause` after `max_failures` in a row.
    #[must_use]
    pub fn new(max_failures: u32, pause: Duration) -> Self {
        Self { max_failures, pause, state: State::Closed { failed: 0 } }
    }

    /// Whether a call would be let through.
    ///
    /// # Errors
    /// Why not, and when a call will be.
    pub fn check(&self, now: Instant) -> Result<(), CircuitOpen> {
        match &self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now >= *until => Ok(()),
            State::Open { until, why } => {
                Err(CircuitOpen { retry_in: Some(*until - now), cause: why.clone() })
            }
            State::HalfOpen { why } => Err(CircuitOpen { retry_in: None, cause: why.clone() }),
        }
    }

    /// Lets a call through.
    ///
    /// # Errors
    /// Why not, and when a call will be.
    pub fn admit(&mut self, now: Instant) -> Result<BreakerPass, CircuitOpen> {
        self.check(now)?;
        let State::Open { why, .. } = &mut self.state else { return Ok(BreakerPass::Regular) };
        self.state = State::HalfOpen { why: std::mem::take(why) };
        Ok(BreakerPass::Probe)
    }

    /// Records the outcome of a call.
    pub fn record(&mut self, pass: BreakerPass, now: Instant, how: CallOutcome<'_>) {
        let open = |until, why: &str| State::Open { until, why: why.to_owned() };
        match (how, &mut self.state) {
            // Any answer shows that the server works.
            (CallOutcome::Success, _) => self.state = State::Closed { failed: 0 },
            (CallOutcome::Failure(why), State::Closed { failed }) => {
                *failed += 1;
                if *failed >= self.max_failures {
                    self.state = open(now + self.pause, why);
                }
            }
            (CallOutcome::Failure(why), State::HalfOpen { .. }) if pass == BreakerPass::Probe => {
                self.state = open(now + self.pause, why);
            }
            // The next call tests the server.
            (CallOutcome::Unknown, State::HalfOpen { why }) if pass == BreakerPass::Probe => {
                self.state = open(now, why);
            }
            // A call from before the breaker opened tells nothing new.
            (CallOutcome::Failure(_) | CallOutcome::Unknown, _) => {}
        }
    }

    /// The state for metrics.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Open { .. } => BreakerState::Open,
        }
    }

    /// Whether the breaker is closed.
    ///
    /// # Errors
    /// The last failure, and when a call may be let through.
    pub fn is_closed(&self, now: Instant) -> Result<(), CircuitOpen> {
        match &self.state {
            State::Open { why, .. } if self.check(now).is_ok() => {
                Err(CircuitOpen { retry_in: Some(Duration::ZERO), cause: why.clone() })
            }
            _ => self.check(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(3, PAUSE);
        for _ in 0..3 {
            let pass = breaker.admit(now).unwrap();
            breaker.record(pass, now, CallOutcome::Failure("was away"));
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_starts_the_row_anew() {
        let now = Instant::now();
        let mut breaker = Breaker::new(3, PAUSE);
        for how in [
            CallOutcome::Failure("a"),
            CallOutcome::Failure("b"),
            CallOutcome::Success,
            CallOutcome::Failure("c"),
            CallOutcome::Unknown,
            CallOutcome::Failure("d"),
        ] {
            breaker.record(BreakerPass::Regular, now, how);
            assert_eq!(breaker.state(), BreakerState::Closed, "{how:?}");
        }
        breaker.record(BreakerPass::Regular, now, CallOutcome::Failure("e"));
        assert_eq!(breaker.state(), BreakerState::Open);
        let refusal = CircuitOpen { retry_in: Some(PAUSE), cause: "e".to_owned() };
        assert_eq!(breaker.admit(now), Err(refusal.clone()));
        assert_eq!(breaker.is_closed(now), Err(refusal));
    }

    #[test]
    fn after_the_pause_one_call_tests_the_server() {
        let begun = Instant::now();
        let mut breaker = opened(begun);
        assert!(breaker.admit(begun + PAUSE - Duration::from_millis(1)).is_err());
        let now = begun + PAUSE;
        assert_eq!(
            breaker.is_closed(now).unwrap_err().retry_in,
            Some(Duration::ZERO),
            "it is not well before it has answered"
        );
        assert_eq!(breaker.admit(now), Ok(BreakerPass::Probe));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(breaker.admit(now), Err(CircuitOpen { retry_in: None, cause: "was away".to_owned() }));
        breaker.record(BreakerPass::Probe, now, CallOutcome::Failure("is still away"));
        let refusal = CircuitOpen { retry_in: Some(PAUSE), cause: "is still away".to_owned() };
        assert_eq!(breaker.admit(now), Err(refusal));
        let now = now + PAUSE;
        assert_eq!(breaker.admit(now), Ok(BreakerPass::Probe));
        breaker.record(BreakerPass::Probe, now, CallOutcome::Success);
        assert_eq!((breaker.admit(now), breaker.is_closed(now)), (Ok(BreakerPass::Regular), Ok(())));
    }

    #[test]
    fn a_probe_whose_caller_has_gone_leaves_its_place_to_the_next() {
        let now = Instant::now() + PAUSE;
        let mut breaker = opened(now - PAUSE);
        assert_eq!(breaker.admit(now), Ok(BreakerPass::Probe));
        breaker.record(BreakerPass::Probe, now, CallOutcome::Unknown);
        assert_eq!(breaker.admit(now), Ok(BreakerPass::Probe));
    }

    #[test]
    fn earlier_calls_close_the_breaker_if_they_succeed_and_else_change_nothing() {
        let begun = Instant::now();
        let mut breaker = opened(begun);
        let later = begun + Duration::from_secs(1);
        breaker.record(BreakerPass::Regular, later, CallOutcome::Failure("late"));
        assert_eq!(breaker.admit(later).unwrap_err().retry_in, Some(PAUSE - Duration::from_secs(1)));
        assert_eq!(breaker.admit(begun + PAUSE), Ok(BreakerPass::Probe));
        breaker.record(BreakerPass::Regular, later, CallOutcome::Failure("late"));
        breaker.record(BreakerPass::Regular, later, CallOutcome::Unknown);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.record(BreakerPass::Regular, later, CallOutcome::Success);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    proptest! {
        /// Whatever happens in whatever order: one probe at a time, none before its time, and never open for ever.
        #[test]
        fn there_is_one_probe_at_a_time_and_the_breaker_closes_again(
            steps in prop::collection::vec((0..4_u8, 0..40_u64), 0..80),
        ) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(3, PAUSE);
            let mut under_way: Vec<BreakerPass> = Vec::new();
            for (what, seconds) in steps {
                now += Duration::from_secs(seconds);
                let how = match what {
                    0 => {
                        let before = breaker.state();
                        if let Ok(pass) = breaker.admit(now) {
                            prop_assert_eq!(pass == BreakerPass::Probe, before == BreakerState::Open);
                            under_way.push(pass);
                        }
                        continue;
                    }
                    1 => CallOutcome::Success,
                    2 => CallOutcome::Failure("away"),
                    _ => CallOutcome::Unknown,
                };
                if let Some(pass) = under_way.pop() {
                    breaker.record(pass, now, how);
                }
            }
            for pass in under_way.drain(..) {
                breaker.record(pass, now, CallOutcome::Unknown);
            }
            prop_assert!(breaker.admit(now + PAUSE).is_ok());
        }
    }
}
