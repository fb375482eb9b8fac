//! Prefetching of batches: one thread makes them ahead of the network, in an order that the seed determines.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Batches in the queue: two hide the time to make one behind a step, and bound the memory.
const BATCHES_AHEAD: usize = 2;

/// A stream of batches from a given step on. Dropping it ends its thread.
pub(super) struct Prefetcher<B> {
    batches: Receiver<B>,
}

impl<B: Send + 'static> Prefetcher<B> {
    /// Makes the batch of `first_step`, then the following ones. `make` must depend on the step alone, so that a resumed
    /// training gets the same batches as an uninterrupted one.
    pub(super) fn new(first_step: i64, mut make: impl FnMut(i64) -> B + Send + 'static) -> Self {
        let (sender, batches) = sync_channel(BATCHES_AHEAD);
        thread::spawn(move || {
            let mut step = first_step;
            // A failed send means that the training has dropped the receiver.
            while sender.send(make(step)).is_ok() {
                step += 1;
            }
        });
        Self { batches }
    }

    /// The next batch.
    ///
    /// # Panics
    /// If `make` panicked: a fault of the recipe, which must not look like the end of the data.
    #[must_use]
    pub(super) fn next(&self) -> B {
        self.batches.recv().unwrap_or_else(|_| panic!("the thread that makes batches has died"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_in_order_from_the_step_asked_for() {
        let batches = Prefetcher::new(7, |step| step * 10);
        assert_eq!([batches.next(), batches.next(), batches.next()], [70, 80, 90]);
    }
}
