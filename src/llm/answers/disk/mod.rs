//! Disk tier: answers in a file, each durable before it is returned. Without the file the cache works on.
//!
//! Eviction removes the oldest answers, not the least used ones: recording a use would be a write, and the oldest answer
//! expires next anyway. Answers in frequent use are in memory, and get younger when they are renewed.

use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::codec::{Codec, MAX_RECORD_BYTES, RecordFault};
use super::id::AnswerId;
use super::purge_filter::PurgeFilter;
use super::record::Record;
use crate::telemetry::AnswerTier;

mod broken_file;
mod file;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use file::{DiskFile, capacity};
pub use store::DiskError;
pub(super) use store::{Entry, Store};

use file::SharedStore;
use store::Found;
use writer::{Job, Writer};

/// Jobs that wait for the writer: as many as one commit takes, so that the next commit is ready when one ends.
const QUEUE: usize = 1024;

/// The tier on disk. Cheap to clone.
#[derive(Clone)]
pub(super) struct Disk {
    shared: Arc<SharedStore>,
    jobs: mpsc::Sender<Job>,
}

impl Disk {
    /// Starts the writer thread, which opens the file.
    ///
    /// # Errors
    /// The thread cannot be started. A file that cannot be used is not an error.
    pub(super) async fn open(file: DiskFile, codec: Arc<Codec>) -> std::io::Result<Self> {
        let shared = Arc::new(SharedStore::new(codec));
        let (jobs, received) = mpsc::channel(QUEUE);
        let (opened, is_open) = oneshot::channel();
        let for_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("answers".to_owned())
            .spawn(move || Writer::run(for_thread, file, received, opened))?;
        // The thread always answers unless it panics; then the tier does nothing.
        let _ = is_open.await;
        Ok(Self { shared, jobs })
    }

    /// The answer with this id, if the file has it.
    pub(super) async fn get(&self, id: &AnswerId) -> Option<Record> {
        let store = self.shared.get()?;
        let (id, reading) = (*id, Arc::clone(&store));
        let read = spawn_blocking(move || reading.get(&id, MAX_RECORD_BYTES)).await.ok()?;
        match read {
            Ok(None) => None,
            Ok(Some(Found::Bytes(bytes))) => self.shared.codec.read(AnswerTier::Disk, &id, &bytes),
            Ok(Some(Found::TooLong)) => {
                self.shared.codec.count_fault(AnswerTier::Disk, &id, RecordFault::TooLong);
                None
            }
            Err(error) => {
                // If the thread has ended, there is nothing to repair.
                let _ = self.jobs.send(Job::Fault(store, error)).await;
                None
            }
        }
    }

    /// Stores an answer. It is durable when this returns, unless the file cannot be used.
    pub(super) async fn keep(&self, id: AnswerId, record: &Record) {
        let (done, is_done) = oneshot::channel();
        if self.jobs.send(Job::Keep(Entry::new(id, record, &self.shared.codec), Some(done))).await.is_ok() {
            let _ = is_done.await; // an answer, or an error because the thread has ended
        }
    }

    /// Stores an answer that another tier has, if the queue has room.
    pub(super) fn keep_later(&self, id: AnswerId, record: &Record) {
        let _ = self.jobs.try_send(Job::Keep(Entry::new(id, record, &self.shared.codec), None));
    }

    /// Removes the answers that match; how many there were.
    pub(super) async fn purge(&self, filters: Vec<PurgeFilter>) -> usize {
        let (done, is_done) = oneshot::channel();
        let sent = self.jobs.send(Job::Purge(filters, done)).await;
        if sent.is_ok() { is_done.await.unwrap_or(0) } else { 0 }
    }

    /// Closes the file after all queued jobs.
    pub(super) async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}
