//! Work progress: the time of the last progress of each part that has work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Parts with work, each with the time of its last progress. Shared by the parts and by [`super::Health`].
#[derive(Debug, Clone, Default)]
pub struct WorkProgress(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

/// How long work may make no progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StallLimits {
    /// After this time the engine is not ready.
    pub ready: Duration,
    /// After this time it is not alive, and must be restarted.
    pub alive: Duration,
}

impl Default for StallLimits {
    /// Longer than any batch on a GPU or of a small network; the largest networks on a processor need more.
    fn default() -> Self {
        Self { ready: Duration::from_secs(120), alive: Duration::from_secs(600) }
    }
}

impl WorkProgress {
    /// The part of that name has made progress at `now`, and has more work.
    pub fn advance(&self, name: &'static str, now: Instant) {
        self.all().insert(name, now);
    }

    /// The part of that name has no more work.
    pub fn finish(&self, name: &'static str) {
        self.all().remove(name);
    }

    /// Descriptions of the parts without progress for longer than `limit`.
    #[must_use]
    pub fn stalled(&self, now: Instant, limit: Duration) -> Vec<String> {
        let still = |(name, since): (&&str, &Instant)| {
            let still = now.saturating_duration_since(*since);
            (still > limit).then(|| format!("`{name}` has made no progress for {:.0} s", still.as_secs_f64()))
        };
        self.all().iter().filter_map(still).collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, Instant>> {
        // Every change is one entry: a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_work_without_progress_is_reported() {
        let (progress, start) = (WorkProgress::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let limit = Duration::from_secs(10);
        assert!(progress.stalled(after(1000), limit).is_empty(), "no work was begun");
        progress.advance("segment", start);
        progress.advance("posts", start);
        assert!(progress.stalled(after(10), limit).is_empty());
        progress.advance("posts", after(10));
        assert_eq!(progress.stalled(after(11), limit), ["`segment` has made no progress for 11 s"]);
        progress.finish("segment");
        assert!(progress.stalled(after(20), limit).is_empty());
    }
}
