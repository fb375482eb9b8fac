//! Where is it written down? In a file of the process's own, locked while it lives; the files of the dead are read once.
//!
//! Lines go to the kernel one by one and are not forced to the disk: a process that is killed loses none, and a machine
//! that goes down was hardly killed by a post.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::event::Event;
use super::history::History;

/// A file is written anew when it has grown to this: some ten thousand posts, read in milliseconds.
const LONGEST: u64 = 1 << 20;

/// What is worked on cannot be written down or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep what is worked on in `{}` (engine.state)", file.display())]
pub struct AttemptsError {
    file: PathBuf,
    source: io::Error,
}

/// The file of this process.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Log {
    /// Inherits from the dead of a group, and begins a file that holds what they left.
    pub(super) fn succeed(folder: &Path, group: &str) -> Result<(History, Self), AttemptsError> {
        let folder = folder.join(file_name(group));
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |source| AttemptsError { file, source }
        };
        fs::create_dir_all(&folder).map_err(failed(&folder))?;
        // Two processes that begin at one time must not inherit from the same one, nor from each other's beginnings.
        let gate = folder.join("lock");
        let gate_file = OpenOptions::new().create(true).truncate(false).write(true).open(&gate);
        let gate_file = gate_file.map_err(failed(&gate))?;
        gate_file.lock().map_err(failed(&gate))?;
        let mut history = History::default();
        let mut dead = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let path = entry.map_err(failed(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                match left_behind(&path).map_err(failed(&path))? {
                    Found::Dead(left) => {
                        history.inherit(left);
                        dead.push(path);
                    }
                    Found::Living(theirs) => history.learn(theirs),
                }
            }
        }
        let path = (0..).map(|number| folder.join(format!("{number}.log"))).find(|path| !path.exists());
        let path = path.unwrap_or_else(|| unreachable!("numbers do not end"));
        let log = Self::begin(&path, &history).map_err(failed(&path))?;
        for path in dead {
            fs::remove_file(&path).map_err(failed(&path))?;
        }
        Ok((history, log))
    }

    /// Writes an event. Whether the file should be written anew.
    pub(super) fn write(&mut self, event: &Event) -> io::Result<bool> {
        let line = event.to_string();
        self.file.write_all(line.as_bytes())?;
        self.length += line.len() as u64;
        Ok(self.length > LONGEST)
    }

    /// Writes the file anew with what matters of it.
    pub(super) fn shorten(&mut self, history: &History) -> io::Result<()> {
        // Beside it and locked before it takes its place: whoever dies in between leaves one whole file.
        let next = self.path.with_extension("next");
        let mut begun = Self::begin(&next, history)?;
        fs::rename(&next, &self.path)?;
        begun.path.clone_from(&self.path);
        *self = begun;
        Ok(())
    }

    fn begin(path: &Path, history: &History) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        file.lock()?;
        let text: String = history.events().iter().map(Event::to_string).collect();
        file.write_all(text.as_bytes())?;
        Ok(Self { path: path.to_owned(), file, length: text.len() as u64 })
    }
}

/// What the process wrote whose file that is, and whether it lives.
enum Found {
    Living(History),
    Dead(History),
}

fn left_behind(path: &Path) -> io::Result<Found> {
    let mut file = File::open(path)?;
    let lives = match file.try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut history = History::default();
    // The last line may be cut off, and what is no event is nothing that was written here.
    let events = String::from_utf8_lossy(&bytes).lines().filter_map(Event::parse).collect::<Vec<_>>();
    events.into_iter().for_each(|event| history.apply(event));
    Ok(if lives { Found::Living(history) } else { Found::Dead(history) })
}

/// The group's name as that of a folder: what file names do not have becomes its bytes in hexadecimal.
fn file_name(group: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    };
    group.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Attempts, Key, Verdict};
    use super::*;

    fn key(offset: i64) -> Key {
        Key { topic: "posts".into(), partition: 0, offset, timestamp: 0 }
    }

    /// A process that dies while it works on these: nothing is dropped in order, but its locks are.
    fn dies(folder: &Path, group: &str, open: &[i64]) {
        let (_, mut log) = Log::succeed(folder, group).unwrap();
        for &offset in open {
            log.write(&Event::Begun(key(offset))).unwrap();
        }
        write!(log.file, "begun posts 0 99").unwrap();
    }

    #[test]
    fn what_the_dead_worked_on_is_suspected_and_convicted_over_generations_of_processes() {
        let folder = tempfile::tempdir().unwrap();
        for (open, expected) in
            [(&[1, 2][..], Verdict::Suspect), (&[1], Verdict::Suspect), (&[1], Verdict::Poison { deaths: 2 })]
        {
            dies(folder.path(), "a/group", open);
            let attempts = Attempts::open(folder.path(), "a/group").unwrap();
            assert_eq!(attempts.verdict(&key(1)), expected);
            assert_eq!(attempts.verdict(&key(99)), Verdict::Free, "a line that was cut off");
            assert_eq!(Attempts::open(folder.path(), "other").unwrap().verdict(&key(1)), Verdict::Free);
            drop(attempts);
        }
        let attempts = Attempts::open(folder.path(), "a/group").unwrap();
        assert_eq!(attempts.verdict(&key(1)), Verdict::Poison { deaths: 2 });
        attempts.begin(key(2)).done();
        assert_eq!(attempts.verdict(&key(2)), Verdict::Free);
    }

    #[test]
    fn the_living_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let living = Attempts::open(folder.path(), "group").unwrap();
        let working = living.begin(key(1));
        let other = Attempts::open(folder.path(), "group").unwrap();
        assert_eq!(other.verdict(&key(1)), Verdict::Free);
        drop(other);
        dies(folder.path(), "group", &[5]);
        let knows = Attempts::open(folder.path(), "group").unwrap();
        let learns = Attempts::open(folder.path(), "group").unwrap();
        assert_eq!([&knows, &learns].map(|one| one.verdict(&key(5))), [Verdict::Suspect; 2]);
        assert_eq!(fs::read_dir(folder.path().join("group")).unwrap().count(), 4, "three logs and the gate");
        drop((knows, learns));
        working.done();
    }

    #[test]
    fn a_long_file_is_written_anew_and_keeps_what_matters() {
        let folder = tempfile::tempdir().unwrap();
        let attempts = Attempts::open(folder.path(), "group").unwrap();
        let kept = attempts.begin(key(7));
        for offset in 100..30_000 {
            attempts.begin(key(offset)).done();
        }
        let length = fs::metadata(folder.path().join("group/0.log")).unwrap().len();
        assert!(length < LONGEST + 1000, "{length} bytes");
        // As if the process had died: its file without its lock.
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("group")).unwrap();
        fs::copy(folder.path().join("group/0.log"), copy.path().join("group/0.log")).unwrap();
        let next = Attempts::open(copy.path(), "group").unwrap();
        assert_eq!(next.verdict(&key(7)), Verdict::Suspect);
        assert_eq!(next.verdict(&key(100)), Verdict::Free);
        kept.done();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = Attempts::open(&folder.path().join("file"), "group").unwrap_err().to_string();
        assert!(error.contains("file/group` (engine.state)"), "{error}");
    }
}
