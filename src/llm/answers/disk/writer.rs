//! Disk writer: one thread opens the file, renames a broken one, reopens it after a fault, and writes all queued answers in
//! one commit.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::broken_file::{inode, set_aside};
use super::file::{DiskFile, SharedStore};
use super::store::{DiskError, Entry, Store};
use crate::llm::answers::purge_filter::PurgeFilter;
use crate::llm::answers::record::unix_millis;
use crate::telemetry::{AnswerTier, Causes, LogThrottle};

/// Jobs in one commit: enough that a thousand concurrent callers wait for few commits.
const MAX_BATCH: usize = 1024;
/// Often enough to be found at the end of a log.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// A job for the writer.
pub(super) enum Job {
    /// Store an answer; the caller is told when it is durable, or when it is known that it will not be.
    Keep(Entry, Option<oneshot::Sender<()>>),
    /// Remove the answers that match.
    Purge(Vec<PurgeFilter>, oneshot::Sender<usize>),
    /// A read from this store failed.
    Fault(Arc<Store>, DiskError),
    /// Close the file and end.
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    shared: Arc<SharedStore>,
    file: DiskFile,
    reopen_after: Option<Instant>,
    warning: LogThrottle,
}

impl Writer {
    /// Opens the file, reports that, and runs jobs until it is told to close or all senders are gone.
    pub(super) fn run(
        shared: Arc<SharedStore>,
        file: DiskFile,
        mut jobs: mpsc::Receiver<Job>,
        opened: oneshot::Sender<()>,
    ) {
        let mut writer = Self { shared, file, reopen_after: None, warning: LogThrottle::new(WARN_INTERVAL) };
        writer.open();
        // The opener may have been dropped.
        let _ = opened.send(());
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            if let Some(closed) = writer.work(batch) {
                writer.shared.put(None);
                // The caller may not wait for it.
                let _ = closed.send(());
                return;
            }
        }
        writer.shared.put(None);
    }

    /// Runs a batch of jobs; the sender to notify if the file is to be closed.
    fn work(&mut self, jobs: Vec<Job>) -> Option<oneshot::Sender<()>> {
        let (mut entries, mut waiting, mut close) = (Vec::new(), Vec::new(), None);
        for job in jobs {
            match job {
                Job::Keep(entry, waits) => {
                    entries.push(entry);
                    waiting.extend(waits);
                }
                // Answers queued before a purge are stored before it.
                Job::Purge(filters, done) => {
                    self.keep(&std::mem::take(&mut entries));
                    let _ = done.send(self.purge(&filters)); // the caller may be gone
                }
                Job::Fault(store, error) => {
                    if self.shared.get().is_some_and(|current| Arc::ptr_eq(&current, &store)) {
                        self.fault(&error);
                    }
                }
                Job::Close(done) => close = Some(done),
            }
        }
        self.keep(&entries);
        for waits in waiting {
            let _ = waits.send(()); // the caller may be gone
        }
        close
    }

    fn keep(&mut self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        if self.shared.get().is_none() && self.reopen_after.is_none_or(|time| Instant::now() >= time) {
            self.open();
        }
        let Some(store) = self.shared.get() else { return };
        let max_age = u64::try_from(self.file.max_age.as_millis()).unwrap_or(u64::MAX);
        let expired = unix_millis(SystemTime::now()).saturating_sub(max_age);
        match store.put(entries, self.file.capacity, expired) {
            Ok((totals, evicted)) => {
                self.shared.codec.metrics().evicted(AnswerTier::Disk, evicted as u64);
                self.shared.codec.metrics().holds(AnswerTier::Disk, totals.entries, totals.weight);
            }
            Err(error) => self.fault(&error),
        }
    }

    fn purge(&mut self, filters: &[PurgeFilter]) -> usize {
        let Some(store) = self.shared.get() else { return 0 };
        let mut matching = Vec::new();
        let read = store.each(|id, bytes| {
            let record = self.shared.codec.decode(&id, bytes);
            if record.is_ok_and(|record| filters.iter().any(|filter| filter.matches(&id, &record))) {
                matching.push(id);
            }
        });
        match read.and_then(|()| store.remove(&matching)) {
            Ok((totals, removed)) => {
                self.shared.codec.metrics().holds(AnswerTier::Disk, totals.entries, totals.weight);
                removed
            }
            Err(error) => {
                self.fault(&error);
                0
            }
        }
    }

    fn open(&mut self) {
        let before = inode(&self.file.path);
        let mut opened = (self.file.open)(&self.file.path);
        if let Err(error @ DiskError::Broken { .. }) = &opened {
            self.shared.codec.metrics().fault(AnswerTier::Disk, error.class());
            let seconds = unix_millis(SystemTime::now()) / 1000;
            match set_aside(&self.file.path, before, seconds) {
                Ok(aside) => {
                    let aside = aside.unwrap_or_default();
                    let error = with_causes(error);
                    warn!(error, aside = %aside.display(), "a broken file of answers is set aside, and a new one begun");
                }
                Err(error) => warn!(error = %Causes(&error), "a broken file of answers cannot be set aside"),
            }
            opened = (self.file.open)(&self.file.path);
        }
        match opened {
            Ok(store) => {
                if let Ok(totals) = store.totals() {
                    self.shared.codec.metrics().holds(AnswerTier::Disk, totals.entries, totals.weight);
                    info!(file = %self.file.path.display(), answers = totals.entries, "answers are kept on disk");
                }
                self.shared.put(Some(Arc::new(store)));
                self.reopen_after = None;
                self.warning.reset();
            }
            Err(error) => self.fault(&error),
        }
    }

    /// Works without the file until it is opened again; a broken one is renamed then.
    fn fault(&mut self, error: &DiskError) {
        self.shared.put(None);
        self.shared.codec.metrics().fault(AnswerTier::Disk, error.class());
        self.reopen_after = Some(Instant::now() + self.file.reopen_pause);
        if self.warning.is_due(Instant::now()) {
            let error = with_causes(error);
            warn!(error, "answers are not kept on disk for now: after a restart they are asked again");
        }
    }
}

fn with_causes(error: &DiskError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
