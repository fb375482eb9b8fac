//! Is a server asked at all? Not for a while after many failures in a row; then one question finds out. A pure state
//! machine; the clock is its caller's.

use std::time::{Duration, Instant};

use crate::telemetry::BreakerState;

/// Counts failures in a row, and stops questions after too many.
#[derive(Debug)]
pub struct Breaker {
    most: u32,
    pause: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many questions in a row have failed.
    Closed { failed: u32 },
    /// None is let through before that moment. Why: what went wrong last.
    Open { until: Instant, why: String },
    /// One is on its way, to find out. Why it was closed to questions before.
    HalfOpen { why: String },
}

/// A question that was let through: what becomes of it is told to the breaker, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// One among many.
    Usual,
    /// The one that finds out.
    Probe,
}

/// How a question ended that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<'a> {
    /// The server did its part.
    Well,
    /// The server failed, and how.
    Failed(&'a str),
    /// Nobody knows: the one who asked has gone, or it was not sent.
    Unknown,
}

/// A question that is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shut {
    /// When one will be; none: when the one under way is answered.
    pub left: Option<Duration>,
    /// What went wrong last.
    pub why: String,
}

impl Breaker {
    /// Opens after so many failures in a row, for so long.
    #[must_use]
    pub fn new(most: u32, pause: Duration) -> Self {
        Self { most, pause, state: State::Closed { failed: 0 } }
    }

    /// Whether a question would be let through.
    ///
    /// # Errors
    /// Why not, and when one will be.
    pub fn check(&self, now: Instant) -> Result<(), Shut> {
        match &self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now >= *until => Ok(()),
            State::Open { until, why } => Err(Shut { left: Some(*until - now), why: why.clone() }),
            State::HalfOpen { why } => Err(Shut { left: None, why: why.clone() }),
        }
    }

    /// Lets a question through.
    ///
    /// # Errors
    /// Why not, and when one will be.
    pub fn enter(&mut self, now: Instant) -> Result<Pass, Shut> {
        self.check(now)?;
        let State::Open { why, .. } = &mut self.state else { return Ok(Pass::Usual) };
        self.state = State::HalfOpen { why: std::mem::take(why) };
        Ok(Pass::Probe)
    }

    /// A question that was let through has ended.
    pub fn ended(&mut self, pass: Pass, now: Instant, how: Ended<'_>) {
        let open = |until, why: &str| State::Open { until, why: why.to_owned() };
        match (how, &mut self.state) {
            // Whoever was answered: it answers.
            (Ended::Well, _) => self.state = State::Closed { failed: 0 },
            (Ended::Failed(why), State::Closed { failed }) => {
                *failed += 1;
                if *failed >= self.most {
                    self.state = open(now + self.pause, why);
                }
            }
            (Ended::Failed(why), State::HalfOpen { .. }) if pass == Pass::Probe => {
                self.state = open(now + self.pause, why);
            }
            // The next one may find out.
            (Ended::Unknown, State::HalfOpen { why }) if pass == Pass::Probe => {
                self.state = open(now, why);
            }
            // A straggler from before tells nothing new.
            (Ended::Failed(_) | Ended::Unknown, _) => {}
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

    /// Whether questions go through as usual; if not, what went wrong, and when one may again.
    ///
    /// # Errors
    /// What went wrong.
    pub fn is_closed(&self, now: Instant) -> Result<(), Shut> {
        match &self.state {
            State::Open { why, .. } if self.check(now).is_ok() => {
                Err(Shut { left: Some(Duration::ZERO), why: why.clone() })
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
            let pass = breaker.enter(now).unwrap();
            breaker.ended(pass, now, Ended::Failed("was away"));
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_starts_the_row_anew() {
        let now = Instant::now();
        let mut breaker = Breaker::new(3, PAUSE);
        for how in [
            Ended::Failed("a"),
            Ended::Failed("b"),
            Ended::Well,
            Ended::Failed("c"),
            Ended::Unknown,
            Ended::Failed("d"),
        ] {
            breaker.ended(Pass::Usual, now, how);
            assert_eq!(breaker.state(), BreakerState::Closed, "{how:?}");
        }
        breaker.ended(Pass::Usual, now, Ended::Failed("e"));
        assert_eq!(breaker.state(), BreakerState::Open);
        let shut = Shut { left: Some(PAUSE), why: "e".to_owned() };
        assert_eq!(breaker.enter(now), Err(shut.clone()));
        assert_eq!(breaker.is_closed(now), Err(shut));
    }

    #[test]
    fn after_its_pause_one_question_finds_out_for_all() {
        let begun = Instant::now();
        let mut breaker = opened(begun);
        assert!(breaker.enter(begun + PAUSE - Duration::from_millis(1)).is_err());
        let now = begun + PAUSE;
        assert_eq!(
            breaker.is_closed(now).unwrap_err().left,
            Some(Duration::ZERO),
            "it is not well before it has answered"
        );
        assert_eq!(breaker.enter(now), Ok(Pass::Probe));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(breaker.enter(now), Err(Shut { left: None, why: "was away".to_owned() }));
        breaker.ended(Pass::Probe, now, Ended::Failed("is still away"));
        let shut = Shut { left: Some(PAUSE), why: "is still away".to_owned() };
        assert_eq!(breaker.enter(now), Err(shut));
        let now = now + PAUSE;
        assert_eq!(breaker.enter(now), Ok(Pass::Probe));
        breaker.ended(Pass::Probe, now, Ended::Well);
        assert_eq!((breaker.enter(now), breaker.is_closed(now)), (Ok(Pass::Usual), Ok(())));
    }

    #[test]
    fn a_probe_whose_asker_has_gone_leaves_its_place_to_the_next() {
        let now = Instant::now() + PAUSE;
        let mut breaker = opened(now - PAUSE);
        assert_eq!(breaker.enter(now), Ok(Pass::Probe));
        breaker.ended(Pass::Probe, now, Ended::Unknown);
        assert_eq!(breaker.enter(now), Ok(Pass::Probe));
    }

    #[test]
    fn stragglers_from_before_close_it_if_they_are_answered_and_else_change_nothing() {
        let begun = Instant::now();
        let mut breaker = opened(begun);
        let later = begun + Duration::from_secs(1);
        breaker.ended(Pass::Usual, later, Ended::Failed("late"));
        assert_eq!(breaker.enter(later).unwrap_err().left, Some(PAUSE - Duration::from_secs(1)));
        assert_eq!(breaker.enter(begun + PAUSE), Ok(Pass::Probe));
        breaker.ended(Pass::Usual, later, Ended::Failed("late"));
        breaker.ended(Pass::Usual, later, Ended::Unknown);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.ended(Pass::Usual, later, Ended::Well);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    proptest! {
        /// Whatever happens in whatever order: one probe at a time, none before its time, and never shut for ever.
        #[test]
        fn it_never_lets_two_find_out_and_always_opens_again(
            steps in prop::collection::vec((0..4_u8, 0..40_u64), 0..80),
        ) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(3, PAUSE);
            let mut under_way: Vec<Pass> = Vec::new();
            for (what, seconds) in steps {
                now += Duration::from_secs(seconds);
                let how = match what {
                    0 => {
                        let before = breaker.state();
                        if let Ok(pass) = breaker.enter(now) {
                            prop_assert_eq!(pass == Pass::Probe, before == BreakerState::Open);
                            under_way.push(pass);
                        }
                        continue;
                    }
                    1 => Ended::Well,
                    2 => Ended::Failed("away"),
                    _ => Ended::Unknown,
                };
                if let Some(pass) = under_way.pop() {
                    breaker.ended(pass, now, how);
                }
            }
            for pass in under_way.drain(..) {
                breaker.ended(pass, now, Ended::Unknown);
            }
            prop_assert!(breaker.enter(now + PAUSE).is_ok());
        }
    }
}
