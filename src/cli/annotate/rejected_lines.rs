//! Rejected lines: a JSON object for each, in a file or on standard error.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::Rejection;

/// A rejected line on the wire.
#[derive(Debug, Serialize)]
struct RejectedLine<'a> {
    line: u64,
    error: Details<'a>,
}

#[derive(Debug, Serialize)]
struct Details<'a> {
    stage: &'a str,
    class: &'a str,
    message: &'a str,
}

/// A file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing} `{}`", path.display())]
pub(super) struct FileError {
    pub(super) doing: &'static str,
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// The destination of rejected lines.
pub(super) enum RejectedLines {
    /// Writes them to a file.
    File(PathBuf, File),
    /// Writes them to standard error.
    StandardError,
}

impl RejectedLines {
    /// A new file, or standard error.
    pub(super) fn to(path: Option<&Path>) -> Result<Self, FileError> {
        let Some(path) = path else { return Ok(Self::StandardError) };
        let failed = |source| FileError { doing: "write", path: path.to_owned(), source };
        Ok(Self::File(path.to_owned(), File::create(path).map_err(failed)?))
    }

    /// Writes the reason of a rejection.
    pub(super) fn write(&mut self, line: u64, refusal: &Rejection) -> Result<(), FileError> {
        let json = refused(line, refusal);
        match self {
            Self::File(path, file) => {
                let failed = |source| FileError { doing: "write", path: path.clone(), source };
                file.write_all(&json).map_err(failed)
            }
            Self::StandardError => {
                // If standard error is closed, the exit code still says that lines were rejected.
                let _ = io::stderr().lock().write_all(&json);
                Ok(())
            }
        }
    }
}

/// A line with its end, so that lines of several writers do not mix.
fn refused(line: u64, refusal: &Rejection) -> Vec<u8> {
    let Rejection { stage, class, message } = refusal;
    let refused = RejectedLine { line, error: Details { stage, class: class.as_str(), message } };
    match serde_json::to_vec(&refused) {
        Ok(mut json) => {
            json.push(b'\n');
            json
        }
        Err(error) => unreachable!("numbers and strings always become JSON: {error}"),
    }
}
