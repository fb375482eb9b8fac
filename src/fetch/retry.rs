//! Is another attempt worth while, and when? A pure function; the clock and the dice are the caller's.

use std::time::Duration;

use super::config::Config;
use super::error::{FetchError, FetchErrorKind};

/// How long to wait before the attempt after `attempts` failed ones; none: it is over.
///
/// `chance`, from 0 to 1, spreads those who failed together: a wait is between half and all of its length. `left` is what
/// remains of the picture's whole time.
pub(super) fn wait(
    config: &Config,
    error: &FetchError,
    (attempts, left): (u32, Duration),
    chance: f64,
) -> Option<Duration> {
    let FetchErrorKind::Passing { after } = error.kind else { return None };
    if attempts > config.retries {
        return None;
    }
    let whole = config.backoff.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    let wait = whole.mul_f64(0.5 + 0.5 * chance).max(after.unwrap_or_default());
    Some(wait).filter(|&wait| wait < left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::tests::config;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn waits_double_and_are_spread_over_their_later_half() {
        let config = Config { retries: 3, backoff: Duration::from_millis(100), ..config() };
        let error = FetchError::passing(String::new());
        let waits = |chance| [1, 2, 3, 4].map(|attempts| wait(&config, &error, (attempts, LONG), chance));
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(waits(0.0), [millis(50), millis(100), millis(200), None]);
        assert_eq!(waits(1.0), [millis(100), millis(200), millis(400), None]);
    }

    #[test]
    fn a_server_that_asks_for_a_longer_wait_gets_it_if_there_is_time() {
        let config = Config { retries: 1, backoff: Duration::from_millis(100), ..config() };
        let after = Some(Duration::from_secs(7));
        let error = FetchError { kind: FetchErrorKind::Passing { after }, message: String::new() };
        assert_eq!(wait(&config, &error, (1, LONG), 0.5), after);
        assert_eq!(wait(&config, &error, (1, Duration::from_secs(7)), 0.5), None);
    }

    #[test]
    fn what_would_fail_again_is_not_tried_again() {
        let config = Config { retries: 5, ..config() };
        for error in [
            FetchError::lasting(String::new()),
            FetchError::refused(String::new()),
            FetchError::too_large("", 1, 0),
        ] {
            assert_eq!(wait(&config, &error, (1, LONG), 0.0), None, "{:?}", error.kind);
        }
    }
}
