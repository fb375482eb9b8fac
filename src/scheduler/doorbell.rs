//! Doorbells: wake the host threads of executors when requests have come or a batch is finished.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

/// The most executors of one device: one bit of a word each.
pub(super) const MAX_EXECUTORS: usize = 64;

/// The bells of all executors of a device, each with what its thread could do with a request.
///
/// A thread says that it rests before it looks at the inboxes for the last time, then sleeps: a request that comes after
/// that look finds the thread at rest and wakes it, so none is missed.
pub(super) struct Doorbells {
    bells: Vec<Doorbell>,
    /// Executors with nothing to run.
    idle: AtomicU64,
    /// Executors that run a batch and could prepare another one.
    overlapping: AtomicU64,
}

/// Wakes one thread. Ringing before the thread sleeps is remembered.
#[derive(Default)]
struct Doorbell {
    thread: OnceLock<Thread>,
}

/// What an executor's thread could do with a request while it sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Run it at once.
    Idle,
    /// Prepare it behind the batch that runs, where that makes a full batch.
    Overlapping,
    /// Nothing: two batches are with its executor.
    Busy,
}

impl Doorbells {
    /// The bells of so many executors, at most [`MAX_EXECUTORS`].
    pub(super) fn new(executors: usize) -> Self {
        let bells = (0..executors.clamp(1, MAX_EXECUTORS)).map(|_| Doorbell::default()).collect();
        Self { bells, idle: AtomicU64::new(0), overlapping: AtomicU64::new(0) }
    }

    pub(super) fn executors(&self) -> usize {
        self.bells.len()
    }

    /// Wakes the thread of one executor.
    pub(super) fn ring(&self, executor: usize) {
        if let Some(thread) = self.bells.get(executor).and_then(|bell| bell.thread.get()) {
            thread.unpark();
        }
    }

    /// Wakes all threads: the callers have left, or the device is told to stop.
    pub(super) fn ring_all(&self) {
        (0..self.bells.len()).for_each(|executor| self.ring(executor));
    }

    /// Wakes one thread that has use for a request: an idle executor's, or else one that could prepare a batch. Nobody
    /// where all work: they look for requests before they rest.
    pub(super) fn ring_one(&self) {
        if let Some(executor) = take_lowest(&self.idle).or_else(|| take_lowest(&self.overlapping)) {
            self.ring(executor);
        }
    }

    /// Whether an executor has nothing to run.
    pub(super) fn has_idle(&self) -> bool {
        self.idle.load(Ordering::SeqCst) != 0
    }

    /// Makes the calling thread the one that this executor's bell wakes. An inbox looked at afterwards holds all that
    /// rang before.
    pub(super) fn answer_to(&self, executor: usize) {
        if let Some(bell) = self.bells.get(executor) {
            bell.thread.get_or_init(std::thread::current);
        }
    }

    /// Says what an executor's thread could do with a request. It must look at the inboxes once more before it sleeps.
    pub(super) fn rests(&self, executor: usize, rest: Rest) {
        for (mask, is_in) in
            [(&self.idle, rest == Rest::Idle), (&self.overlapping, rest == Rest::Overlapping)]
        {
            let bit = 1 << executor;
            if is_in {
                mask.fetch_or(bit, Ordering::SeqCst);
            } else {
                mask.fetch_and(!bit, Ordering::SeqCst);
            }
        }
    }

    /// Sleeps until the calling thread's bell rings.
    pub(super) fn wait() {
        std::thread::park();
    }
}

/// Takes the lowest bit out of a word.
fn take_lowest(mask: &AtomicU64) -> Option<usize> {
    let lowest = |bits: u64| (bits != 0).then(|| bits & (bits - 1));
    let before = mask.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lowest).ok()?;
    Some(before.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_wakes_an_idle_executor_before_one_that_works_and_each_once() {
        let bells = Doorbells::new(3);
        let taken = || take_lowest(&bells.idle).or_else(|| take_lowest(&bells.overlapping));
        assert_eq!(taken(), None);
        bells.rests(0, Rest::Overlapping);
        bells.rests(2, Rest::Idle);
        bells.rests(1, Rest::Idle);
        assert!(bells.has_idle());
        assert_eq!([taken(), taken(), taken(), taken()], [Some(1), Some(2), Some(0), None]);
        bells.rests(1, Rest::Idle);
        bells.rests(1, Rest::Busy);
        assert_eq!((taken(), bells.has_idle()), (None, false));
    }
}
