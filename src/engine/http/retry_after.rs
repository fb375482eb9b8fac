//! Waits: how long a refused client is asked to wait, from how long posts take.

use std::time::Duration;

/// What a post is taken to take before the first one was answered.
const UNKNOWN: Duration = Duration::from_secs(1);

/// The longest wait that is asked for: by then the load has probably changed.
const LONGEST: u64 = 60;

/// The part of a new measurement in the mean: about the last ten posts count.
const NEW: f64 = 0.1;

/// Whole seconds until `missing` of `places` places are free, where each is taken by a post for about `post`.
pub(super) fn retry_after(missing: usize, places: usize, post: Option<Duration>) -> u64 {
    let rounds = missing as f64 / places.max(1) as f64;
    let wait = post.unwrap_or(UNKNOWN).as_secs_f64() * rounds;
    (wait.ceil() as u64).clamp(1, LONGEST)
}

/// The mean time of a post with one more measurement; the latest count most.
pub(super) fn mean_with(mean: Option<Duration>, took: Duration) -> Duration {
    mean.map_or(took, |mean| mean.mul_f64(1.0 - NEW) + took.mul_f64(NEW))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_with_what_is_missing_and_with_what_a_post_takes() {
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        for (missing, places, post, expected) in [
            (1, 64, seconds(0.1), 1),
            (64, 64, seconds(2.5), 3),
            (32, 64, seconds(10.0), 5),
            (64, 64, seconds(3600.0), 60),
            (64, 64, None, 1),
            (0, 0, seconds(0.0), 1),
        ] {
            assert_eq!(retry_after(missing, places, post), expected, "{missing} of {places}, {post:?}");
        }
    }

    #[test]
    fn the_mean_follows_the_latest_posts() {
        let (short, long) = (Duration::from_millis(100), Duration::from_secs(1));
        assert_eq!(mean_with(None, short), short);
        let mut mean = Some(short);
        for _ in 0..50 {
            mean = Some(mean_with(mean, long));
        }
        assert!(mean.is_some_and(|mean| mean > long.mul_f64(0.99) && mean <= long), "{mean:?}");
    }
}
