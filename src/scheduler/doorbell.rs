//! Doorbell: wakes the dispatcher's thread when a request has come or the device has finished a batch.

use std::sync::OnceLock;
use std::thread::Thread;

/// Wakes one thread.
///
/// Ringing before the thread sleeps is remembered, so the thread looks at its inboxes, then sleeps, and misses nothing.
/// Ringing before the thread has answered to the bell is not needed: it looks at its inboxes first of all.
#[derive(Default)]
pub(super) struct Doorbell {
    thread: OnceLock<Thread>,
}

impl Doorbell {
    pub(super) fn ring(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Makes the calling thread the one that is woken. An inbox looked at afterwards holds all that rang before.
    pub(super) fn answer_to(&self) {
        self.thread.get_or_init(std::thread::current);
    }

    pub(super) fn wait(&self) {
        std::thread::park();
    }
}
