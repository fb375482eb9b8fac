//! What is counted elsewhere? Counters that are read when somebody asks, so that counting costs their owners no more.

use std::sync::{Mutex, PoisonError};

use prometheus::IntCounter;

/// Looks that are taken before metrics are shown.
#[derive(Default)]
pub(super) struct Watched(Mutex<Vec<Box<dyn Fn() + Send>>>);

impl Watched {
    pub(super) fn watch(&self, look: impl Fn() + Send + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(look));
    }

    pub(super) fn look(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|look| look());
    }
}

/// Brings a counter to what its owner says. An owner that has gone says 0: the counter stays where it is.
pub(super) fn catch_up((counter, now): (&IntCounter, u64)) {
    counter.inc_by(now.saturating_sub(counter.get()));
}
