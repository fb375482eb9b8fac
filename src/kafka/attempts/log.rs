//! Attempt log: a file for each process, locked while the process lives. Files of dead processes are taken over once.
//!
//! Lines are passed to the kernel before their posts are worked on, without `fsync`: a killed process loses no line, and a machine that goes
//! down was hardly killed by a post.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::event::Event;
use super::history::History;

/// A file that exceeds this is compacted. It holds some ten thousand posts and is read in milliseconds.
const MAX_BYTES: u64 = 1 << 20;

/// The log cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the log of attempts `{}` (engine.state)", file.display())]
pub struct AttemptsError {
    file: PathBuf,
    source: io::Error,
}

impl AttemptsError {
    pub(super) fn new(file: &Path, source: io::Error) -> Self {
        Self { file: file.to_owned(), source }
    }
}

/// The log of this process.
#[derive(Debug)]
pub(super) struct AttemptLog {
    path: PathBuf,
    file: File,
    length: u64,
}

impl AttemptLog {
    /// Takes over the logs of dead processes of a group, and starts a log with their suspects.
    pub(super) fn take_over(folder: &Path, group: &str) -> Result<(History, Self), AttemptsError> {
        let folder = folder.join(file_name(group));
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |source| AttemptsError::new(&file, source)
        };
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        // Two processes that start at the same time must not take over the same log, nor each other's new log.
        let lock = folder.join("lock");
        let lock_file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock);
        let lock_file = lock_file.map_err(failed(&lock))?;
        lock_file.lock().map_err(failed(&lock))?;
        let mut history = History::default();
        let mut dead = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let path = entry.map_err(failed(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                match read(&path).map_err(failed(&path))? {
                    ProcessLog::Dead(left) => {
                        history.inherit(left);
                        dead.push(path);
                    }
                    ProcessLog::Living(theirs) => history.learn(theirs),
                }
            }
        }
        let path = (0..).map(|number| folder.join(format!("{number}.log"))).find(|path| !path.exists());
        let path = path.unwrap_or_else(|| unreachable!("numbers do not end"));
        let log = Self::create(&path, &history).map_err(failed(&path))?;
        for path in dead {
            fs::remove_file(&path).map_err(failed(&path))?;
        }
        Ok((history, log))
    }

    /// Writes events. Whether the file should be compacted.
    pub(super) fn write(&mut self, events: &[Event]) -> io::Result<bool> {
        let lines: String = events.iter().map(Event::to_string).collect();
        self.file.write_all(lines.as_bytes())?;
        self.length += lines.len() as u64;
        Ok(self.length > MAX_BYTES)
    }

    /// Replaces the file by the shortest one with the same history.
    pub(super) fn compact(&mut self, history: &History) -> io::Result<()> {
        // The new file is locked before it replaces the old one: a process that dies in between leaves a complete file.
        let next = self.path.with_extension("next");
        let mut next_log = Self::create(&next, history)?;
        fs::rename(&next, &self.path)?;
        next_log.path.clone_from(&self.path);
        *self = next_log;
        Ok(())
    }

    fn create(path: &Path, history: &History) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        file.lock()?;
        let text: String = history.events().iter().map(Event::to_string).collect();
        file.write_all(text.as_bytes())?;
        Ok(Self { path: path.to_owned(), file, length: text.len() as u64 })
    }
}

/// The history in a log, and whether its process lives.
enum ProcessLog {
    Living(History),
    Dead(History),
}

fn read(path: &Path) -> io::Result<ProcessLog> {
    let mut file = File::open(path)?;
    let lives = match file.try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut history = History::default();
    // The last line may be cut off. Other lines that are no events were not written by an engine.
    let events = String::from_utf8_lossy(&bytes).lines().filter_map(Event::parse).collect::<Vec<_>>();
    events.into_iter().for_each(|event| history.apply(event));
    Ok(if lives { ProcessLog::Living(history) } else { ProcessLog::Dead(history) })
}

/// The name of a group's folder: bytes that are not safe in file names are written in hexadecimal.
fn file_name(group: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    };
    group.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests;
