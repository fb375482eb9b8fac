//! Delivery progress: detects a broker that hangs. Such a broker keeps its connections open and reports nothing, so the
//! engine is not ready if records are under way and no report comes for some seconds. The clock is passed in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::telemetry::Health;

/// The name of this part in readiness.
const NAME: &str = "deliveries";
/// Without a report for this long the engine is not ready. Brokers take milliseconds; the election of a leader takes
/// seconds.
const MAX_SILENCE: Duration = Duration::from_secs(10);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How many records the client has, and when it last reported. Shared by sender, reporter and watcher.
#[derive(Debug, Clone, Default)]
pub(super) struct DeliveryProgress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    /// The time of the last report, or of the first record after an idle time.
    since: Option<Instant>,
}

impl DeliveryProgress {
    /// The client has taken a record.
    pub(super) fn enqueued(&self, now: Instant) {
        self.change(|state| {
            if state.under_way == 0 {
                state.since = Some(now);
            }
            state.under_way += 1;
        });
    }

    /// The client has reported a delivery or its failure.
    pub(super) fn reported(&self, now: Instant) {
        self.change(|state| {
            state.under_way = state.under_way.saturating_sub(1);
            state.since = Some(now);
        });
    }

    /// The client did not take the record. That says nothing about a broker.
    pub(super) fn not_enqueued(&self) {
        self.change(|state| state.under_way = state.under_way.saturating_sub(1));
    }

    /// How long no record under way has been reported.
    fn silence(&self, now: Instant) -> Duration {
        self.change(|state| match state.since {
            Some(since) if state.under_way > 0 => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        })
    }

    /// Reports silence to readiness until the future is dropped.
    pub(super) async fn watch(self, health: Arc<Health>) {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            let silence = self.silence(Instant::now());
            if silence < MAX_SILENCE {
                health.no_longer_waits(NAME);
            } else {
                let seconds = silence.as_secs();
                health.waits(NAME, format!("no Kafka broker has confirmed an answer for {seconds} s"));
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // A poisoned lock holds a valid state: no change can panic halfway.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_measured_only_while_records_are_under_way() {
        let (progress, start) = (DeliveryProgress::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(progress.silence(after(100)), Duration::ZERO, "no record yet");
        progress.enqueued(after(100));
        progress.enqueued(after(105));
        progress.enqueued(after(106));
        progress.not_enqueued();
        assert_eq!(progress.silence(after(107)), Duration::from_secs(7));
        progress.reported(after(108));
        assert_eq!(progress.silence(after(110)), Duration::from_secs(2));
        progress.reported(after(111));
        assert_eq!(progress.silence(after(200)), Duration::ZERO, "all records are reported");
        progress.enqueued(after(200));
        assert_eq!(progress.silence(after(201)), Duration::from_secs(1), "idle time does not count");
    }
}
