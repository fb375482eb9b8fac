//! State of an export: how far input and output are, in a small file beside the output.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How far an export is. What lies behind it in the output is cut off when the export is resumed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The format, which must not change.
    pub(super) format: String,
    /// The input, which must not change.
    pub(super) input: String,
    /// The place in the input.
    pub(super) place: Place,
    /// The place in the output.
    pub(super) mark: Mark,
    /// Answers written so far.
    pub(super) answers: u64,
}

/// A place in the input: what comes next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// Nothing has been read.
    #[default]
    Beginning,
    /// The byte and the number of lines before it.
    File {
        /// Bytes that were read.
        byte: u64,
        /// Lines that were read.
        line: u64,
    },
    /// The next offset of each partition.
    Topic {
        /// By partition.
        next: BTreeMap<i32, i64>,
    },
}

/// A place in the output, and what the writer counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Bytes that each file has.
    pub(super) files: BTreeMap<String, u64>,
    /// Parts that are complete.
    pub(super) parts: u64,
    /// Numbers that were given to things of the output, such as images.
    pub(super) numbers: BTreeMap<String, u64>,
    /// Categories, in the order of their numbers.
    pub(super) categories: Vec<String>,
}

/// The state file beside an output.
pub(super) fn file_of(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".state.json");
    PathBuf::from(name)
}

impl State {
    /// The state in a file, if there is one.
    pub(super) fn read(file: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(serde_json::from_slice(&text)?))
    }

    /// Replaces the file: a process that is killed leaves the old state or the new one.
    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(&serde_json::to_vec(self)?)?;
        new.as_file().sync_all()?;
        new.persist(file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_again_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = file_of(&folder.path().join("out.nt"));
        assert!(file.ends_with("out.nt.state.json"));
        assert_eq!(State::read(&file).unwrap(), None);
        let state = State {
            format: "ntriples".to_owned(),
            place: Place::Topic { next: BTreeMap::from([(0, 7)]) },
            mark: Mark { files: BTreeMap::from([("out.nt".to_owned(), 12)]), ..Mark::default() },
            ..State::default()
        };
        state.write(&file).unwrap();
        assert_eq!(State::read(&file).unwrap(), Some(state));
        fs::write(&file, "{").unwrap();
        assert!(State::read(&file).is_err());
    }
}
