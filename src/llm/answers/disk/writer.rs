//! Who writes? One thread, all that has come in one commit; it opens the file, sets a broken one aside, and tries again
//! when there is none.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::set_aside::{inode, set_aside};
use super::store::{DiskError, Entry, Store};
use super::{File, Shared};
use crate::llm::answers::choice::Choice;
use crate::llm::answers::record::millis;
use crate::telemetry::{AnswerTier, Causes, LogThrottle};

/// Answers in one commit: enough that a thousand who wait at one time wait for few of them.
const TOGETHER: usize = 1024;
/// How long after a fault the file is opened again: another engine may have ended, or room been made.
const AGAIN: Duration = Duration::from_secs(30);
/// Often enough to be found in a log's tail.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// What is asked of the thread.
pub(super) enum Job {
    /// Keep an answer; whoever waits is told when it is durable, or when it is known that it will not be.
    Keep(Entry, Option<oneshot::Sender<()>>),
    /// Remove what these mean.
    Purge(Vec<Choice>, oneshot::Sender<usize>),
    /// Reading that store failed.
    Fault(Arc<Store>, DiskError),
    /// Let go of the file and end.
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    file: File,
    again: Option<Instant>,
    warning: LogThrottle,
}

impl Writer {
    /// Opens the file, says so, and does what is asked until it is told to end or nobody is left to ask.
    pub(super) fn run(
        shared: Arc<Shared>,
        file: File,
        mut jobs: mpsc::Receiver<Job>,
        opened: oneshot::Sender<()>,
    ) {
        let mut writer = Self { shared, file, again: None, warning: LogThrottle::new(SAID_EVERY) };
        writer.open();
        // Whoever opens may have been dropped.
        let _ = opened.send(());
        while let Some(first) = jobs.blocking_recv() {
            let mut together = vec![first];
            while together.len() < TOGETHER
                && let Ok(job) = jobs.try_recv()
            {
                together.push(job);
            }
            if let Some(closed) = writer.work(together) {
                writer.put_store(None);
                // Whoever closes may not wait for it.
                let _ = closed.send(());
                return;
            }
        }
        writer.put_store(None);
    }

    /// Does these; whom to tell if it is to end.
    fn work(&mut self, jobs: Vec<Job>) -> Option<oneshot::Sender<()>> {
        let (mut entries, mut waiting, mut close) = (Vec::new(), Vec::new(), None);
        for job in jobs {
            match job {
                Job::Keep(entry, waits) => {
                    entries.push(entry);
                    waiting.extend(waits);
                }
                // What was asked before a purge is kept before it.
                Job::Purge(choices, done) => {
                    self.keep(&std::mem::take(&mut entries));
                    let _ = done.send(self.purge(&choices)); // whoever asked may have left
                }
                Job::Fault(store, error) => {
                    if self.store().is_some_and(|current| Arc::ptr_eq(&current, &store)) {
                        self.fault(&error);
                    }
                }
                Job::Close(done) => close = Some(done),
            }
        }
        self.keep(&entries);
        for waits in waiting {
            let _ = waits.send(()); // an asker may have left
        }
        close
    }

    fn keep(&mut self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        if self.store().is_none() && self.again.is_none_or(|again| Instant::now() >= again) {
            self.open();
        }
        let Some(store) = self.store() else { return };
        let longest = u64::try_from(self.file.longest.as_millis()).unwrap_or(u64::MAX);
        let gone = millis(SystemTime::now()).saturating_sub(longest);
        match store.put(entries, self.file.most, gone) {
            Ok((totals, evicted)) => {
                self.shared.codec.metrics().evicted(AnswerTier::Disk, evicted as u64);
                self.shared.codec.metrics().holds(AnswerTier::Disk, totals.entries, totals.weight);
            }
            Err(error) => self.fault(&error),
        }
    }

    fn purge(&mut self, choices: &[Choice]) -> usize {
        let Some(store) = self.store() else { return 0 };
        let mut meant = Vec::new();
        let shown = store.each(|id, bytes| {
            let record = self.shared.codec.decode(&id, bytes);
            if record.is_ok_and(|record| choices.iter().any(|choice| choice.takes(&id, &record))) {
                meant.push(id);
            }
        });
        match shown.and_then(|()| store.remove(&meant)) {
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
            let seconds = millis(SystemTime::now()) / 1000;
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
                self.put_store(Some(Arc::new(store)));
                self.again = None;
                self.warning.reset();
            }
            Err(error) => self.fault(&error),
        }
    }

    /// Goes on without the file, until it is opened again; a broken one then makes way.
    fn fault(&mut self, error: &DiskError) {
        self.put_store(None);
        self.shared.codec.metrics().fault(AnswerTier::Disk, error.class());
        self.again = Some(Instant::now() + self.file.again);
        if self.warning.is_due(Instant::now()) {
            let error = with_causes(error);
            warn!(error, "answers are not kept on disk for now: after a restart they are asked again");
        }
    }

    fn store(&self) -> Option<Arc<Store>> {
        self.shared.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put_store(&self, store: Option<Arc<Store>>) {
        // Dropped when the lock is free again: closing a file takes a while.
        let before =
            std::mem::replace(&mut *self.shared.store.write().unwrap_or_else(PoisonError::into_inner), store);
        drop(before);
    }
}

impl File {
    /// The usual pause after a fault.
    pub(super) const AGAIN: Duration = AGAIN;
}

fn with_causes(error: &DiskError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
