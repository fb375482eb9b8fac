//! What survives a restart? Answers in a file, each durable before it is given; without the file, all goes on.
//!
//! When room is needed the oldest made leaves, not the least used: a use would have to be written down, and the oldest is
//! the next to be gone anyway. What is used often is in memory, and is made anew and younger when it is stale.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::asked::Id;
use super::choice::Choice;
use super::codec::{Codec, LONGEST, Refusal};
use super::record::Record;
use crate::telemetry::AnswerTier;

mod set_aside;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use store::DiskError;
use store::Found;
pub(super) use store::{Entry, Store};
use writer::{Job, Writer};

/// Jobs that wait for the thread: as many as go into one commit, so that one is ready when the other is done.
const WAITING: usize = 1024;

/// The tier on disk. Cheap to clone.
#[derive(Clone)]
pub(super) struct Disk {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
}

/// What those who read and the one who writes have in common.
pub(super) struct Shared {
    /// None: the file cannot be used now.
    store: RwLock<Option<Arc<Store>>>,
    codec: Arc<Codec>,
}

/// Which file, and what may be in it.
pub(super) struct File {
    path: PathBuf,
    /// What all answers may weigh.
    most: u64,
    /// The age at which any answer is gone.
    longest: Duration,
    open: Open,
    /// How long after a fault it is opened again.
    again: Duration,
}

/// How the file is opened.
type Open = Box<dyn Fn(&Path) -> Result<Store, DiskError> + Send>;

impl File {
    pub(super) fn new(path: PathBuf, bytes: u64, longest: Duration) -> Self {
        Self { path, most: most(bytes), longest, open: Box::new(Store::open), again: Self::AGAIN }
    }
}

/// What answers may weigh so that the file stays within so many bytes. A quarter is for what the weight does not know, such
/// as pages that are emptier than most; and each commit writes its pages anew before those of the last one are free.
pub(super) fn most(bytes: u64) -> u64 {
    /// Pages of two commits: a thousand answers lie on a thousand pages of 4 KiB, and pages above.
    const COMMITS: u64 = 16 << 20;
    bytes - bytes / 4 - (bytes / 4).min(COMMITS)
}

impl Disk {
    /// Opens the file on a thread of its own, where all is written from then on.
    ///
    /// # Errors
    /// No thread could be had. That the file cannot be used is no error.
    pub(super) async fn open(file: File, codec: Arc<Codec>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { store: RwLock::new(None), codec });
        let (jobs, received) = mpsc::channel(WAITING);
        let (opened, is_open) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("answers".to_owned())
            .spawn(move || Writer::run(for_thread, file, received, opened))?;
        // The thread says so in any case, unless it panics, and then the tier does nothing.
        let _ = is_open.await;
        Ok(Self { shared, jobs })
    }

    /// The answer to a question, if the file has it.
    pub(super) async fn get(&self, id: &Id) -> Option<Record> {
        let store = self.shared.store.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let (id, reading) = (*id, Arc::clone(&store));
        let read = spawn_blocking(move || reading.get(&id, LONGEST)).await.ok()?;
        match read {
            Ok(None) => None,
            Ok(Some(Found::Bytes(bytes))) => self.shared.codec.read(AnswerTier::Disk, &id, &bytes),
            Ok(Some(Found::TooLong)) => {
                self.shared.codec.refused(AnswerTier::Disk, &id, Refusal::TooLong);
                None
            }
            Err(error) => {
                // If the thread has ended, nobody reads again.
                let _ = self.jobs.send(Job::Fault(store, error)).await;
                None
            }
        }
    }

    /// Keeps an answer; it is durable when this returns, unless the file cannot be used.
    pub(super) async fn keep(&self, id: Id, record: &Record) {
        let (done, is_done) = oneshot::channel();
        if self.jobs.send(Job::Keep(entry(id, record, &self.shared.codec), Some(done))).await.is_ok() {
            let _ = is_done.await; // told, or dropped with the thread
        }
    }

    /// Keeps an answer that another tier has, if the thread is not too busy.
    pub(super) fn keep_behind(&self, id: Id, record: &Record) {
        let _ = self.jobs.try_send(Job::Keep(entry(id, record, &self.shared.codec), None));
    }

    /// Removes what these mean; how many answers those were.
    pub(super) async fn purge(&self, choices: Vec<Choice>) -> usize {
        let (done, is_done) = oneshot::channel();
        let asked = self.jobs.send(Job::Purge(choices, done)).await;
        if asked.is_ok() { is_done.await.unwrap_or(0) } else { 0 }
    }

    /// Lets go of the file when all that was asked is done.
    pub(super) async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}

pub(super) fn entry(id: Id, record: &Record, codec: &Codec) -> Entry {
    Entry { id, made_at: record.made_at, bytes: codec.encode(&id, record) }
}
