//! Workers: CPU work on pictures, on a bounded number of threads apart from the async threads.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::common::blocking;

/// Permits for work on pictures, and on questions about them. Clones share one bound.
///
/// Work holds a permit only while it computes, and waits for nothing. So it cannot wait for the decode pool, whose
/// posts may wait for it.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Semaphore>);

impl Default for Workers {
    /// As many as this process has cores: the work never waits, so more threads would only take turns, each with its
    /// own copy of a picture.
    fn default() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from))
    }
}

impl Workers {
    /// At most `threads` pieces of work at one time.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(threads)))
    }

    /// Runs work on a thread that may block. A panic of the work continues in the caller. Where the caller is dropped,
    /// work that has begun keeps its permit until it ends; work that has not begun never runs.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let Ok(permit) = Arc::clone(&self.0).acquire_owned().await else {
            unreachable!("this semaphore is never closed")
        };
        blocking::run(move || {
            let _permit = permit;
            work()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::pin::pin;
    use std::sync::mpsc::channel;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn work_waits_for_a_permit_and_keeps_it_until_it_ends() {
        let workers = Workers::new(1);
        let (release, gate) = channel::<()>();
        let mut first = Box::pin(workers.run(move || gate.recv()));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = pin!(workers.run(|| 2));
        assert!(second.as_mut().now_or_never().is_none());
        // The caller has gone; its work has not.
        drop(first);
        assert_eq!(workers.0.available_permits(), 0);
        assert!(second.as_mut().now_or_never().is_none());
        release.send(()).unwrap();
        assert_eq!(second.await, 2);
    }

    #[tokio::test]
    async fn a_panic_continues_in_the_caller_and_gives_the_permit_back() {
        let workers = Workers::new(1);
        let panicked = AssertUnwindSafe(workers.run(|| panic!("on purpose"))).catch_unwind().await;
        assert!(panicked.is_err());
        assert_eq!(workers.run(|| 7).await, 7);
    }
}
