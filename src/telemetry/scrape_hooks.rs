//! Scrape hooks: values that other parts count are copied into metrics when metrics are rendered, so that counting
//! costs these parts no more.

use std::sync::{Mutex, PoisonError};

use prometheus::IntCounter;

/// Functions that run before metrics are rendered.
#[derive(Default)]
pub(super) struct ScrapeHooks(Mutex<Vec<Box<dyn Fn() + Send>>>);

impl ScrapeHooks {
    pub(super) fn add(&self, hook: impl Fn() + Send + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
    }

    pub(super) fn run(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|hook| hook());
    }
}

/// Raises a counter to its owner's total. An owner that has gone reports 0: the counter stays as it is.
pub(super) fn catch_up((counter, now): (&IntCounter, u64)) {
    counter.inc_by(now.saturating_sub(counter.get()));
}
