//! Attempts: what is known about posts before they are worked on, and what this process works on.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::event::{Event, RecordId};
use super::history::{History, Verdict};
use super::log::{AttemptLog, AttemptsError};
use super::writer::Writer;
use crate::telemetry::{Causes, LogThrottle};

/// The posts that earlier processes and this one have worked on. The default keeps nothing beyond this process.
#[derive(Debug, Default, Clone)]
pub struct Attempts(Option<Arc<Open>>);

#[derive(Debug)]
struct Open {
    /// As written: the writer applies an event after it has written it.
    history: Arc<Mutex<History>>,
    writer: Writer,
}

/// A post that is being worked on. If it is dropped without [`done`](Self::done), the log looks as if the process had
/// died.
#[derive(Debug)]
#[must_use = "a post that is not marked as done is a suspect"]
pub struct Attempt {
    attempts: Attempts,
    id: RecordId,
}

impl Attempts {
    /// Takes over the logs that dead processes of that group left in a folder, and starts a log there. Logs of living
    /// processes are read and not changed.
    ///
    /// # Errors
    /// If the folder or a file in it cannot be used, or if the writing thread does not start. The error names the file.
    pub fn open(folder: &Path, group: &str) -> Result<Self, AttemptsError> {
        let (history, mut log) = AttemptLog::take_over(folder, group)?;
        let folder = folder.to_owned();
        let history = Arc::new(Mutex::new(history));
        let shared = Arc::clone(&history);
        // Often enough to be found at the end of a log.
        let mut warning = LogThrottle::new(Duration::from_secs(30));
        let writer = Writer::start(move |events| {
            let written = log.write(&events);
            let mut history = lock(&shared);
            events.into_iter().for_each(|event| history.apply(event));
            drop(history);
            let result = match written {
                // A copy: verdicts do not wait for the disk.
                Ok(true) => {
                    let history = lock(&shared).clone();
                    log.compact(&history)
                }
                other => other.map(drop),
            };
            if let Err(error) = result
                && warning.is_due(Instant::now())
            {
                tracing::warn!(
                    error = %Causes(&error),
                    "the log of attempts cannot be written: after a crash a deadly post would not be recognised"
                );
            }
        });
        let writer = writer.map_err(|source| AttemptsError::new(&folder, source))?;
        Ok(Self(Some(Arc::new(Open { history, writer }))))
    }

    /// What is known about a post before it is worked on.
    #[must_use]
    pub fn verdict(&self, id: &RecordId) -> Verdict {
        self.0.as_ref().map_or(Verdict::Clear, |open| lock(&open.history).verdict(id))
    }

    /// Marks a post as worked on. The mark is in the log when this returns.
    pub async fn begin(&self, id: RecordId) -> Attempt {
        self.write(Event::Begun(id.clone())).await;
        Attempt { attempts: self.clone(), id }
    }

    /// Marks that the process was told to stop: its end is then not caused by a post.
    pub async fn stopping(&self) {
        self.write(Event::Stopping).await;
    }

    async fn write(&self, event: Event) {
        if let Some(open) = &self.0 {
            open.writer.write(event).await;
        }
    }
}

impl Attempt {
    /// Marks the post as done: the process survived it. The mark is in the log before that of any post that begins later.
    /// Nobody waits for it: a process that dies before it is written has at worst one more suspect, which then runs alone.
    pub async fn done(self) {
        if let Some(open) = &self.attempts.0 {
            open.writer.queue(Event::Done(self.id)).await;
        }
    }
}

fn lock(history: &Mutex<History>) -> MutexGuard<'_, History> {
    // After a panic in a change at most one post too many or too few is a suspect.
    history.lock().unwrap_or_else(PoisonError::into_inner)
}
