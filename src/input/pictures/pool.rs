//! Decode pool: blocking threads for records and for pictures apart, so that no text waits for a picture.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::stoppable::StopFlag;
use crate::common::panic_message;
use crate::common::permits::PermitPool;

/// Permits for the threads that may be busy at one time.
#[derive(Debug)]
pub(crate) struct Pool {
    parsers: Arc<Semaphore>,
    decoders: Arc<PermitPool>,
    /// Decoder threads for large pictures: all but one, which is reserved for the others.
    large: Arc<PermitPool>,
}

/// Work from which a picture is large: 16 megapixels, above what sites serve and the usual camera of a phone takes.
const LARGE: Duration = Duration::from_millis(160);

/// Bytes up to which a record is short: it is read in about a tenth of a millisecond, so other tasks do not wait long, and
/// two changes of thread are saved.
pub(crate) const SHORT: usize = 8 << 10;

/// Why work has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// It took longer than its limit. The thread goes on until its next read.
    TooSlow,
    /// It panicked.
    Panicked(String),
}

impl Pool {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            parsers: Arc::new(Semaphore::new(threads)),
            decoders: PermitPool::new(threads as u64),
            large: PermitPool::new(threads.saturating_sub(1).max(1) as u64),
        }
    }

    /// Runs work whose time is proportional to these bytes: at once where they are few, else on a thread that may block.
    pub(crate) async fn parse<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        if bytes <= SHORT {
            // What the work has is dropped with it, so nobody sees it half done.
            return catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
                let said = panic_message(&*panic).unwrap_or_default();
                Unfinished::Panicked(format!("it panicked with message {said:?}"))
            });
        }
        let Ok(permit) = Arc::clone(&self.parsers).acquire_owned().await else {
            unreachable!("the pool never closes its semaphore")
        };
        let worked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        worked.await.map_err(|fault| Unfinished::Panicked(fault.to_string()))
    }

    /// Decodes a picture, cheap ones before expensive ones, for at most `limit` from its beginning.
    ///
    /// A thread cannot be interrupted. When the time is over or the caller is dropped, `stop` is set; until the work
    /// checks it and ends, the thread stays busy, and what `work` holds stays held.
    pub(crate) async fn decode<T: Send + 'static>(
        &self,
        expected: Duration,
        limit: Duration,
        work: impl FnOnce(&StopFlag) -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let large = if expected > LARGE { Some(self.large.acquire(1, expected).await) } else { None };
        let permits = (self.decoders.acquire(1, expected).await, large);
        let stop = StopFlag::default();
        let _stop_when_dropped = StopWhenDropped(stop.clone());
        let worked = tokio::task::spawn_blocking(move || {
            let _permits = permits;
            work(&stop)
        });
        match tokio::time::timeout(limit, worked).await {
            Ok(worked) => worked.map_err(|fault| Unfinished::Panicked(fault.to_string())),
            Err(_) => Err(Unfinished::TooSlow),
        }
    }

    /// Threads free for pictures.
    #[cfg(test)]
    pub(crate) fn free(&self) -> u64 {
        self.decoders.free()
    }

    /// Pictures that wait for a thread.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.decoders.waiting() + self.large.waiting()
    }
}

struct StopWhenDropped(StopFlag);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.set();
    }
}

#[cfg(test)]
mod tests;
