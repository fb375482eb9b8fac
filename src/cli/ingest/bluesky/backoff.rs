//! Backoff: how long to wait before the next connection, from the failures in a row and chance.

use std::time::Duration;

/// The wait after the first failure: a connection that was cut is often back at once.
const FIRST: Duration = Duration::from_millis(200);

/// The longest wait: Jetstream keeps a day, so that a minute loses nothing.
const LONGEST: Duration = Duration::from_secs(60);

/// The wait after so many failures in a row. `chance`, from 0 to 1, spreads clients that a server lost together: a wait is
/// between half and all of its length.
pub(super) fn wait(failures: u32, chance: f64) -> Duration {
    let whole = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    whole.mul_f64(0.5 + 0.5 * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_are_spread_over_their_later_half() {
        let waits = |chance| [1, 2, 3, 9, 10, u32::MAX].map(|failures| wait(failures, chance).as_millis());
        assert_eq!(waits(1.0), [200, 400, 800, 51_200, 60_000, 60_000]);
        assert_eq!(waits(0.0), [100, 200, 400, 25_600, 30_000, 30_000]);
    }
}
