//! Do deliveries get on? A broker that hangs keeps its connections and reports nothing: of what was handed over to the
//! client, something must be reported every few seconds. The clock is passed in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::telemetry::Health;

/// The name of this part in readiness.
const NAME: &str = "deliveries";
/// Without a report for so long the engine is not ready: brokers take milliseconds, and a new leader some seconds.
const SILENCE: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the client has, and when it reported last. Shared by who hands over, who reports and who watches.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// When the last report came, or the first parcel after a rest.
    since: Option<Instant>,
}

impl Pace {
    /// The client has taken a parcel.
    pub(super) fn given(&self, now: Instant) {
        self.change(|state| {
            if state.under_way == 0 {
                state.since = Some(now);
            }
            state.under_way += 1;
        });
    }

    /// The client has reported of one, well or ill.
    pub(super) fn reported(&self, now: Instant) {
        self.change(|state| {
            state.under_way = state.under_way.saturating_sub(1);
            state.since = Some(now);
        });
    }

    /// The client did not take the parcel after all, which says nothing of a broker.
    pub(super) fn taken_back(&self) {
        self.change(|state| state.under_way = state.under_way.saturating_sub(1));
    }

    /// For how long nothing has been reported of what is under way.
    fn silence(&self, now: Instant) -> Duration {
        self.change(|state| match state.since {
            Some(since) if state.under_way > 0 => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        })
    }

    /// Tells readiness of silence, until it is dropped.
    pub(super) async fn watch(self, health: Arc<Health>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let silence = self.silence(Instant::now());
            if silence < SILENCE {
                health.waits_no_more(NAME);
            } else {
                let seconds = silence.as_secs();
                health.waits(NAME, format!("no Kafka broker has confirmed an answer for {seconds} s"));
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Every change is whole before anything can panic.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_silence_only_while_something_is_under_way() {
        let (pace, start) = (Pace::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.silence(after(100)), Duration::ZERO, "nothing was handed over yet");
        pace.given(after(100));
        pace.given(after(105));
        pace.given(after(106));
        pace.taken_back();
        assert_eq!(pace.silence(after(107)), Duration::from_secs(7));
        pace.reported(after(108));
        assert_eq!(pace.silence(after(110)), Duration::from_secs(2));
        pace.reported(after(111));
        assert_eq!(pace.silence(after(200)), Duration::ZERO, "all is reported");
        pace.given(after(200));
        assert_eq!(pace.silence(after(201)), Duration::from_secs(1), "a rest is no silence");
    }
}
