//! Retries: whether and when a failed attempt is repeated. The decision is a pure function with clock and chance passed
//! in.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// How often and after which waits a failed attempt is repeated.
#[derive(Debug, Clone, Copy)]
pub struct RetrySchedule {
    /// Attempts after the first.
    pub retries: u32,
    /// The wait before the first further attempt; each wait after it is twice as long.
    pub backoff: Duration,
}

/// An error after which a retry may succeed.
pub trait Retryable {
    /// The least wait before a retry, which is zero unless the server asks for more; none: a retry does not help.
    fn retry_delay(&self) -> Option<Duration>;
}

impl RetrySchedule {
    /// How long to wait before the next attempt after `attempts` failed ones; none: no further attempt.
    ///
    /// `chance`, from 0 to 1, spreads clients that failed together: a wait is between half and all of its length.
    /// `left` is the rest of the whole time: a wait that does not fit into it is not begun.
    #[must_use]
    pub fn wait(
        &self,
        fault: &impl Retryable,
        (attempts, left): (u32, Duration),
        chance: f64,
    ) -> Option<Duration> {
        let after = fault.retry_delay()?;
        if attempts > self.retries {
            return None;
        }
        let wait = backoff((self.backoff, Duration::MAX), attempts, chance).max(after);
        Some(wait).filter(|&wait| wait < left)
    }
}

/// The wait after so many failures in a row: between half and all of `first`, which doubles with each failure up to
/// `longest`. `chance`, from 0 to 1, spreads clients that failed together.
#[must_use]
pub fn backoff((first, longest): (Duration, Duration), failures: u32, chance: f64) -> Duration {
    let whole = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest);
    whole.mul_f64(0.5 + 0.5 * chance)
}

/// Attempts until one succeeds, none is left, or the deadline passes. `again` is called with every error that is
/// followed by another attempt, and with the wait before it.
///
/// # Errors
/// The last error; none where the deadline passed during the first attempt.
pub async fn with_retries<T, E: Retryable, F: Future<Output = Result<T, E>>>(
    schedule: RetrySchedule,
    deadline: Instant,
    mut attempt: impl FnMut() -> F,
    mut again: impl FnMut(&E, Duration),
) -> Result<T, Option<E>> {
    let mut attempts = 0;
    let mut last = None;
    let trying = async {
        loop {
            let fault = match attempt().await {
                Ok(made) => return Ok(made),
                Err(fault) => fault,
            };
            attempts += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(wait) = schedule.wait(&fault, (attempts, left), rand::random()) else {
                return Err(Some(fault));
            };
            again(&fault, wait);
            last = Some(fault);
            sleep(wait).await;
        }
    };
    let ended = timeout_at(deadline, trying).await;
    ended.unwrap_or_else(|_| Err(last))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// A fault that passes after so long, if at all.
    #[derive(Debug, Clone, PartialEq)]
    struct Fault(Option<Duration>);

    impl Retryable for Fault {
        fn retry_delay(&self) -> Option<Duration> {
            self.0
        }
    }

    const PASSING: Fault = Fault(Some(Duration::ZERO));

    fn schedule(retries: u32) -> RetrySchedule {
        RetrySchedule { retries, backoff: Duration::from_millis(100) }
    }

    #[test]
    fn waits_double_and_are_spread_over_their_later_half() {
        let waits =
            |chance| [1, 2, 3, 4].map(|attempts| schedule(3).wait(&PASSING, (attempts, LONG), chance));
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(waits(0.0), [millis(50), millis(100), millis(200), None]);
        assert_eq!(waits(1.0), [millis(100), millis(200), millis(400), None]);
    }

    #[test]
    fn waits_without_end_grow_up_to_the_longest() {
        let bounds = (Duration::from_millis(200), Duration::from_secs(60));
        let waits =
            |chance| [1, 2, 3, 9, 10, u32::MAX].map(|failures| backoff(bounds, failures, chance).as_millis());
        assert_eq!(waits(1.0), [200, 400, 800, 51_200, 60_000, 60_000]);
        assert_eq!(waits(0.0), [100, 200, 400, 25_600, 30_000, 30_000]);
    }

    #[test]
    fn the_wait_that_a_server_asks_for_is_kept_if_there_is_time() {
        let after = Some(Duration::from_secs(7));
        let fault = Fault(after);
        assert_eq!(schedule(1).wait(&fault, (1, LONG), 0.5), after);
        assert_eq!(schedule(1).wait(&fault, (1, Duration::from_secs(7)), 0.5), None);
    }

    #[test]
    fn a_permanent_error_is_not_retried() {
        assert_eq!(schedule(5).wait(&Fault(None), (1, LONG), 0.0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_the_first_success_and_keep_their_waits() {
        let begun = Instant::now();
        let attempts = Cell::new(0);
        let attempt = async || {
            attempts.set(attempts.get() + 1);
            match attempts.get() {
                1 => Err(Fault(Some(Duration::from_secs(7)))),
                2 => Err(PASSING),
                made => Ok(made),
            }
        };
        let mut waits = Vec::new();
        let made = with_retries(schedule(5), begun + LONG, attempt, |_, wait| waits.push(wait)).await;
        assert_eq!(made, Ok(3));
        assert_eq!(waits[0], Duration::from_secs(7));
        assert!((Duration::from_millis(100)..=Duration::from_millis(200)).contains(&waits[1]), "{waits:?}");
        // The clock of tests goes in steps of a millisecond.
        let spent = begun.elapsed() - waits.iter().sum::<Duration>();
        assert!(spent <= Duration::from_millis(2), "{spent:?} besides {waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_error_is_returned_when_attempts_or_time_are_over() {
        let deadline = Instant::now() + LONG;
        let fault = Fault(Some(Duration::from_secs(1)));
        let failing = async || Err::<(), _>(fault.clone());
        assert_eq!(with_retries(schedule(2), deadline, failing, |_, _| {}).await, Err(Some(fault.clone())));
        // No second attempt: what it would wait for is beyond the whole time.
        let soon = Instant::now() + Duration::from_secs(1);
        let again = |_: &Fault, _| panic!("there is no time for another attempt");
        assert_eq!(with_retries(schedule(2), soon, failing, again).await, Err(Some(fault.clone())));
        assert!(Instant::now() < soon, "it is known at once");
        // A second attempt that hangs, and a first.
        let attempts = Cell::new(0);
        let hanging = async || {
            attempts.set(attempts.get() + 1);
            if attempts.get() > 1 {
                std::future::pending::<()>().await;
            }
            Err::<(), _>(fault.clone())
        };
        assert_eq!(
            with_retries(schedule(2), Instant::now() + LONG, hanging, |_, _| {}).await,
            Err(Some(fault.clone()))
        );
        let never = std::future::pending::<Result<(), Fault>>;
        assert_eq!(with_retries(schedule(2), Instant::now() + LONG, never, |_, _| {}).await, Err(None));
    }
}
