//! Disk file: its path, its limits, how it is opened, and the open store that readers and the writer share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::store::{DiskError, Store};
use crate::llm::answers::codec::Codec;

/// How long after a fault the file is opened again: another engine may have ended, or the disk may have room again.
const REOPEN_PAUSE: Duration = Duration::from_secs(30);

/// The file and its limits.
pub(in super::super) struct DiskFile {
    pub(super) path: PathBuf,
    /// The most that all answers may weigh.
    pub(super) capacity: u64,
    /// The age at which any answer has expired.
    pub(super) max_age: Duration,
    pub(super) open: Open,
    /// How long after a fault the file is opened again.
    pub(super) reopen_pause: Duration,
}

/// How the file is opened.
type Open = Box<dyn Fn(&Path) -> Result<Store, DiskError> + Send>;

impl DiskFile {
    pub(in super::super) fn new(path: PathBuf, bytes: u64, max_age: Duration) -> Self {
        let (capacity, open) = (capacity(bytes), Box::new(Store::open));
        Self { path, capacity, max_age, open, reopen_pause: REOPEN_PAUSE }
    }
}

/// The most that answers may weigh in a file of so many bytes. A quarter of the file is reserved for what the weight does
/// not count, such as pages with little in them; and each commit writes its pages before it frees those of the last one.
pub(in super::super) fn capacity(bytes: u64) -> u64 {
    /// Pages of two commits: a thousand answers lie on a thousand pages of 4 KiB, and pages above.
    const COMMITS: u64 = 16 << 20;
    bytes - bytes / 4 - (bytes / 4).min(COMMITS)
}

/// The open store, as readers and the writer share it.
pub(super) struct SharedStore {
    /// None: the file cannot be used now.
    store: RwLock<Option<Arc<Store>>>,
    pub(super) codec: Arc<Codec>,
}

impl SharedStore {
    pub(super) fn new(codec: Arc<Codec>) -> Self {
        Self { store: RwLock::new(None), codec }
    }

    pub(super) fn get(&self) -> Option<Arc<Store>> {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(&self, store: Option<Arc<Store>>) {
        // Dropped after the lock is free: closing a file takes a while.
        let before =
            std::mem::replace(&mut *self.store.write().unwrap_or_else(PoisonError::into_inner), store);
        drop(before);
    }
}
