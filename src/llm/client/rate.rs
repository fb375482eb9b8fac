//! How often is an endpoint asked? So many requests a minute, evenly spread.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

/// Hands out turns, no more than so many a minute.
pub(super) struct Rate {
    limiter: RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>,
    clock: SinceStart,
}

/// Tokio's clock, by which the waits are made too.
#[derive(Debug, Clone, Copy)]
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Rate {
    /// `at_once` of them may come at one moment after a silence; they count as the others do.
    pub(super) fn new(per_minute: NonZeroU32, at_once: NonZeroU32) -> Self {
        let clock = SinceStart(Instant::now());
        let quota = Quota::per_minute(per_minute).allow_burst(at_once.min(per_minute));
        Self { limiter: RateLimiter::direct_with_clock(quota, clock), clock }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) {
        while let Err(not_yet) = self.limiter.check() {
            sleep(not_yet.wait_time_from(self.clock.now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_evenly_after_the_first_few() {
        let rate = Rate::new(number(60), number(3));
        let begun = Instant::now();
        for expected in [0, 0, 0, 1, 2, 3, 4] {
            rate.turn().await;
            // The clock of tests goes in steps of a millisecond.
            assert_eq!((begun.elapsed().as_millis() + 5) / 1000, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_than_its_turns_and_those_at_one_moment() {
        let rate = Rate::new(number(30), number(4));
        let begun = Instant::now();
        let turns = futures_util::future::join_all((0..34).map(|_| rate.turn()));
        turns.await;
        let minute = Duration::from_secs(60);
        assert!(
            (minute..minute + Duration::from_millis(100)).contains(&begun.elapsed()),
            "{:?}",
            begun.elapsed()
        );
        assert!(rate.turn().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn fewer_turns_a_minute_than_may_come_at_once_are_no_more_for_that() {
        let rate = Rate::new(number(1), number(8));
        assert!(rate.turn().now_or_never().is_some());
        assert!(rate.turn().now_or_never().is_none());
    }
}
