//! Has a post killed the process before? What was worked on is written down, so that the next process knows what this one
//! died of.
//!
//! A process that dies leaves behind a log of the posts that it was working on. Each of them is a suspect: the next
//! process works on it alone. A post that a process dies of while it works on nothing else has killed it; the second
//! time it is poison, and is set aside. So a deadly post costs three processes at most, one to be suspected and two to
//! be convicted, and a process that is killed for other reasons convicts nobody: it would have to be killed twice within
//! the moment that the same suspect is looked at.

mod event;
mod history;
mod log;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use event::Key;
pub use history::Verdict;
pub use log::AttemptsError;

use event::Event;
use history::History;
use log::Log;

use crate::telemetry::{Causes, LogThrottle};

/// What is known of the posts that processes before this one worked on, and what this one works on.
#[derive(Debug, Default)]
pub struct Attempts(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    history: History,
    /// None: nothing is remembered beyond this process.
    log: Option<Log>,
    warning: Option<LogThrottle>,
}

/// A post that is being worked on. Dropped without [`done`](Self::done), it stays so, as if the process had died.
#[derive(Debug)]
#[must_use = "a post that is not said to be done is a suspect"]
pub struct Attempt {
    state: Arc<Mutex<State>>,
    key: Key,
}

impl Attempts {
    /// Reads what dead processes of that group left in a folder, and writes there from now on. Of processes that live,
    /// nothing is touched.
    ///
    /// # Errors
    /// Where the folder or a file in it cannot be used; names it.
    pub fn open(folder: &Path, group: &str) -> Result<Self, AttemptsError> {
        let (history, log) = Log::succeed(folder, group)?;
        // Often enough to be found in a log's tail.
        let warning = Some(LogThrottle::new(Duration::from_secs(30)));
        Ok(Self(Arc::new(Mutex::new(State { history, log: Some(log), warning }))))
    }

    /// What is to be thought of a post before it is worked on.
    #[must_use]
    pub fn verdict(&self, key: &Key) -> Verdict {
        lock(&self.0).history.verdict(key)
    }

    /// A post is worked on from now on.
    pub fn begin(&self, key: Key) -> Attempt {
        lock(&self.0).happened(Event::Begun(key.clone()));
        Attempt { state: Arc::clone(&self.0), key }
    }

    /// The process is told to stop, and its end is no fault of any post.
    pub fn is_stopping(&self) {
        lock(&self.0).happened(Event::Stopping);
    }
}

impl Attempt {
    /// The post is done, and nobody died.
    pub fn done(self) {
        lock(&self.state).happened(Event::Done(self.key));
    }
}

impl State {
    fn happened(&mut self, event: Event) {
        let written = self.log.as_mut().map(|log| log.write(&event));
        self.history.apply(event);
        let written = match written {
            Some(Ok(true)) => self.log.as_mut().map(|log| log.shorten(&self.history)),
            other => other.map(|written| written.map(drop)),
        };
        if let (Some(Err(error)), Some(warning)) = (written, &mut self.warning)
            && warning.is_due(Instant::now())
        {
            tracing::warn!(error = %Causes(&error), "what is worked on cannot be written down: a deadly post would not be known again");
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A panic between two assignments leaves at most one post too many or too few among the suspects.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
