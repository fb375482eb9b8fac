//! Progress lines in the log: rates of an interval, from the counters at its start and at its end.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{info, warn};

use crate::telemetry::{Metrics, Suppressed};

/// Time between checks for suppressed dead letters: short, so that a summary is logged soon after its minute.
const SUMMARIES: Duration = Duration::from_secs(5);

/// Counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Annotations written.
    pub(super) answered: u64,
    /// Dead letters written.
    pub(super) dead_letters: u64,
    /// Records read and not settled.
    pub(super) in_flight: u64,
    /// Unanswered records of the assigned partitions; none until the brokers have reported.
    pub(super) lag: Option<u64>,
}

/// One progress line: the time since the last line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Progress {
    pub(super) answered: u64,
    pub(super) posts_per_second: f64,
    pub(super) dead_letters: u64,
}

/// The progress between two moments. The rate counts answers and dead letters, to a tenth: both are finished posts.
pub(super) fn progress(before: &Counts, now: &Counts, elapsed: Duration) -> Progress {
    let answered = now.answered.saturating_sub(before.answered);
    let dead_letters = now.dead_letters.saturating_sub(before.dead_letters);
    let seconds = elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { (answered + dead_letters) as f64 / seconds } else { 0.0 };
    Progress { answered, posts_per_second: (rate * 10.0).round() / 10.0, dead_letters }
}

/// Topics of the output.
pub(super) struct Topics {
    pub(super) output: String,
    pub(super) dead_letters: String,
}

/// Logs progress at every interval, if there is one, and the number of suppressed dead letters. Never ends.
pub(super) async fn report(metrics: &Metrics, topics: &Topics, every: Option<Duration>) {
    let ticks = |every| {
        let mut ticks = interval_at(Instant::now() + every, every);
        // One line covers a standstill.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let (mut summaries, mut lines) = (ticks(SUMMARIES), every.map(ticks));
    let (mut before, mut since) = (counts(metrics, topics), Instant::now());
    let mut line_is_due = async || match &mut lines {
        Some(lines) => lines.tick().await,
        None => std::future::pending().await,
    };
    loop {
        tokio::select! {
            now = summaries.tick() => summarise(metrics.dead_letter_log().take_suppressed(now.into_std())),
            now = line_is_due() => {
                let counted = counts(metrics, topics);
                say(&progress(&before, &counted, now.duration_since(since)), &counted);
                (before, since) = (counted, now);
            }
        }
    }
}

fn say(progress: &Progress, counts: &Counts) {
    let Progress { answered, posts_per_second, dead_letters } = *progress;
    let Counts { in_flight, lag, .. } = *counts;
    info!(answered, posts_per_second, lag, dead_letters, in_flight, "progress");
}

/// Logs the number of dead letters that were not logged one by one.
pub(super) fn summarise(unnamed: Vec<Suppressed>) {
    for Suppressed { class, letters } in unnamed {
        warn!(class, letters, "{letters} more dead letters of class `{class}` in the last minute");
    }
}

fn counts(metrics: &Metrics, topics: &Topics) -> Counts {
    Counts {
        answered: metrics.produced_so_far(&topics.output),
        dead_letters: metrics.produced_so_far(&topics.dead_letters),
        in_flight: metrics.posts_in_flight_now(),
        lag: metrics.lag().total(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_covers_the_time_since_the_last_line() {
        let at = |answered, dead_letters| Counts { answered, dead_letters, ..Counts::default() };
        let minute = Duration::from_secs(60);
        let cases = [
            (at(0, 0), at(0, 0), minute, (0, 0.0, 0)),
            (at(100, 5), at(700, 11), minute, (600, 10.1, 6)),
            (at(100, 5), at(101, 5), Duration::from_secs(3), (1, 0.3, 0)),
            (at(7, 7), at(9, 9), Duration::ZERO, (2, 0.0, 2)),
            (at(9, 9), at(7, 7), minute, (0, 0.0, 0)),
        ];
        for (before, now, elapsed, (answered, posts_per_second, dead_letters)) in cases {
            let expected = Progress { answered, posts_per_second, dead_letters };
            assert_eq!(progress(&before, &now, elapsed), expected, "{before:?} {now:?}");
        }
    }
}
