//! Rate limit: requests per minute, evenly spread.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep};

/// Limits requests per minute.
pub(super) struct RateLimit {
    limiter: RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>,
    clock: SinceStart,
}

/// Tokio's clock, which the waits use too.
#[derive(Debug, Clone, Copy)]
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl RateLimit {
    /// `burst` requests may come at one moment after an idle time.
    pub(super) fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        let clock = SinceStart(Instant::now());
        let quota = Quota::per_minute(per_minute).allow_burst(burst.min(per_minute));
        Self { limiter: RateLimiter::direct_with_clock(quota, clock), clock }
    }

    /// Waits until one more request is allowed.
    pub(super) async fn permit(&self) {
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
    async fn requests_are_spread_evenly_after_the_burst() {
        let rate = RateLimit::new(number(60), number(3));
        let begun = Instant::now();
        for expected in [0, 0, 0, 1, 2, 3, 4] {
            rate.permit().await;
            // The clock of tests goes in steps of a millisecond.
            assert_eq!((begun.elapsed().as_millis() + 5) / 1000, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_requests_than_the_limit_and_the_burst() {
        let rate = RateLimit::new(number(30), number(4));
        let begun = Instant::now();
        let running = futures_util::future::join_all((0..34).map(|_| rate.permit()));
        running.await;
        let minute = Duration::from_secs(60);
        assert!(
            (minute..minute + Duration::from_millis(100)).contains(&begun.elapsed()),
            "{:?}",
            begun.elapsed()
        );
        assert!(rate.permit().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_above_the_limit_per_minute_is_cut_to_the_limit() {
        let rate = RateLimit::new(number(1), number(8));
        assert!(rate.permit().now_or_never().is_some());
        assert!(rate.permit().now_or_never().is_none());
    }
}
