//! Stop signal of a device, and the notice that it has ended.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::doorbell::Doorbells;

/// Ends a device between two batches even if it still has callers. Clones stop the same device.
#[derive(Clone)]
pub struct Stop(Arc<Shared>);

struct Shared {
    told: AtomicBool,
    doorbells: Arc<Doorbells>,
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(super) fn new(doorbells: Arc<Doorbells>) -> Self {
        let (told, ended, changed) = (AtomicBool::new(false), Mutex::new(false), Condvar::new());
        Self(Arc::new(Shared { told, doorbells, ended, changed }))
    }

    /// Tells the device to end once the batches that run are done. Calls without an answer are refused as by a device
    /// that has ended.
    pub fn tell(&self) {
        self.0.told.store(true, Ordering::Release);
        self.0.doorbells.ring_all();
    }

    /// Blocks until the device has ended and its networks are freed, for at most so long; whether it has.
    #[must_use]
    pub fn wait(&self, within: Duration) -> bool {
        let waited = self.0.changed.wait_timeout_while(self.ended(), within, |ended| !*ended);
        let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *ended
    }

    pub(super) fn is_told(&self) -> bool {
        self.0.told.load(Ordering::Acquire)
    }

    /// Held by the host threads of the device together: once it is dropped, the device has ended.
    pub(super) fn end_guard(&self) -> EndGuard {
        EndGuard(self.clone())
    }

    fn ended(&self) -> MutexGuard<'_, bool> {
        // The lock guards one flag: a panic cannot leave it half changed.
        self.0.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stop").field("told", &self.is_told()).finish_non_exhaustive()
    }
}

pub(super) struct EndGuard(Stop);

impl Drop for EndGuard {
    fn drop(&mut self) {
        *self.0.ended() = true;
        self.0.0.changed.notify_all();
    }
}
