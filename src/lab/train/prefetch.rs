//! Batches made ahead of the network, by one thread, in an order that only the seed decides.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Batches that wait: two hide the making of one behind a step, and bound the memory.
const BATCHES_AHEAD: usize = 2;

/// A stream of batches, from one step on. Dropping it ends its thread.
pub(super) struct Prefetcher<B> {
    batches: Receiver<B>,
}

impl<B: Send + 'static> Prefetcher<B> {
    /// Makes the batch of `first_step`, then those after it; `make` depends on nothing but the step, so that a resumed
    /// training sees what an unbroken one would have seen.
    pub(super) fn new(first_step: i64, mut make: impl FnMut(i64) -> B + Send + 'static) -> Self {
        let (sender, batches) = sync_channel(BATCHES_AHEAD);
        thread::spawn(move || {
            let mut step = first_step;
            // A send fails when the training has ended and dropped its end: then so does this thread.
            while sender.send(make(step)).is_ok() {
                step += 1;
            }
        });
        Self { batches }
    }

    /// The next batch.
    ///
    /// # Panics
    /// If making a batch panicked: a fault in the recipe, which must not pass for an end of the data.
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
