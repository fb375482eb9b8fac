//! Does what was begun get on? Each part notes when it last got on with its work; nothing is said of a part without any.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is under way, and since when nothing has come of it. Shared by those who work and those who watch.
#[derive(Debug, Clone, Default)]
pub struct WorkProgress(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

/// How long work may be under way without anything coming of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Then the engine is not ready: work had better go elsewhere.
    pub ready: Duration,
    /// Then it is not alive: only a new process mends it.
    pub alive: Duration,
}

impl Default for Patience {
    /// Longer than any batch on a GPU or of a small network; the largest networks on a processor need more.
    fn default() -> Self {
        Self { ready: Duration::from_secs(120), alive: Duration::from_secs(600) }
    }
}

impl WorkProgress {
    /// The part of that name has got on, at `now`, and has more to do.
    pub fn advance(&self, name: &'static str, now: Instant) {
        self.all().insert(name, now);
    }

    /// The part of that name has nothing to do.
    pub fn finish(&self, name: &'static str) {
        self.all().remove(name);
    }

    /// The parts that have not got on for longer than `limit`, in words.
    #[must_use]
    pub fn stalled(&self, now: Instant, limit: Duration) -> Vec<String> {
        let still = |(name, since): (&&str, &Instant)| {
            let still = now.saturating_duration_since(*since);
            (still > limit).then(|| format!("`{name}` has not got on for {:.0} s", still.as_secs_f64()))
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
    fn only_work_that_does_not_get_on_is_told() {
        let (underway, start) = (WorkProgress::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let limit = Duration::from_secs(10);
        assert!(underway.stalled(after(1000), limit).is_empty(), "nothing was begun");
        underway.advance("segment", start);
        underway.advance("posts", start);
        assert!(underway.stalled(after(10), limit).is_empty());
        underway.advance("posts", after(10));
        assert_eq!(underway.stalled(after(11), limit), ["`segment` has not got on for 11 s"]);
        underway.finish("segment");
        assert!(underway.stalled(after(20), limit).is_empty());
    }
}
