//! Posts in flight as one part of the work progress: each finished post is progress.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::telemetry::WorkProgress;

/// The posts that one input has in flight.
#[derive(Debug, Clone)]
pub(super) struct PostsInFlight {
    name: &'static str,
    progress: WorkProgress,
    count: Arc<Mutex<usize>>,
}

/// One post in flight, until dropped.
#[derive(Debug)]
pub(super) struct PostInFlight(PostsInFlight);

impl PostsInFlight {
    /// None yet, of the part of that name.
    pub(super) fn new(name: &'static str, progress: WorkProgress) -> Self {
        Self { name, progress, count: Arc::default() }
    }

    /// One more.
    pub(super) fn begin(&self) -> PostInFlight {
        let mut count = self.count();
        if *count == 0 {
            self.progress.advance(self.name, Instant::now());
        }
        *count += 1;
        PostInFlight(self.clone())
    }

    fn count(&self) -> MutexGuard<'_, usize> {
        // Every change is one assignment: a panic leaves nothing half done.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PostInFlight {
    fn drop(&mut self) {
        let PostsInFlight { name, progress, .. } = &self.0;
        let mut count = self.0.count();
        *count -= 1;
        if *count == 0 {
            progress.finish(name);
        } else {
            progress.advance(name, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn work_ends_with_the_last_post() {
        let progress = WorkProgress::default();
        let posts = PostsInFlight::new("posts", progress.clone());
        let stalled =
            || progress.stalled(Instant::now() + Duration::from_secs(60), Duration::from_secs(1)).len();
        assert_eq!(stalled(), 0);
        let (one, other) = (posts.begin(), posts.begin());
        drop(one);
        assert_eq!(stalled(), 1);
        drop(other);
        assert_eq!(stalled(), 0);
    }
}
