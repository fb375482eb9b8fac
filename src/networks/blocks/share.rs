//! Share: one stage's part in a network that lies in memory once and may serve another stage too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A stage's part in a network of which a reader `R` remembers pictures.
#[derive(Debug)]
pub(in crate::networks) struct Share<R> {
    /// Stages take turns on the device's thread, so the lock is always free.
    reader: Arc<Mutex<R>>,
    /// Pictures that went through the trunk because this stage asked first.
    trunk_runs: Arc<AtomicU64>,
}

impl<R> Share<R> {
    pub(in crate::networks) fn new(reader: R) -> Self {
        Self { reader: Arc::new(Mutex::new(reader)), trunk_runs: Arc::default() }
    }

    /// The same network with the same memory, for another stage.
    pub(in crate::networks) fn another(&self) -> Self {
        Self { reader: Arc::clone(&self.reader), trunk_runs: Arc::default() }
    }

    /// How many pictures went through the trunk for this stage.
    pub(in crate::networks) fn trunk_runs(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.trunk_runs)
    }

    /// The network. After a panic of libtorch it can be used again, because it remembers only complete encodings.
    pub(in crate::networks) fn reader(&self) -> MutexGuard<'_, R> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` and counts for this stage the encodings that it adds to those that `made` counts.
    pub(in crate::networks) fn counting<T>(
        &self,
        reader: &mut R,
        made: impl Fn(&R) -> u64,
        read: impl FnOnce(&mut R) -> T,
    ) -> T {
        let before = made(reader);
        let answer = read(reader);
        self.trunk_runs.fetch_add(made(reader) - before, Ordering::Relaxed);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_counts_the_pictures_that_it_asked_for_first() {
        let first = Share::new(0_u64);
        let second = first.another();
        first.counting(&mut first.reader(), |made| *made, |made| *made += 3);
        second.counting(&mut second.reader(), |made| *made, |made| *made += 1);
        assert_eq!([&first, &second].map(|share| share.trunk_runs().load(Ordering::Relaxed)), [3, 1]);
        assert_eq!(*second.reader(), 4, "the network is the same");
    }
}
