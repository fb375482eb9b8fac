//! What becomes of lines that are refused? A JSON object for each, in a file or on standard error.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::Rejection;

/// A refused line, as it is written.
#[derive(Debug, Serialize)]
struct Refused<'a> {
    line: u64,
    error: Why<'a>,
}

#[derive(Debug, Serialize)]
struct Why<'a> {
    stage: &'a str,
    class: &'a str,
    message: &'a str,
}

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing} `{}`", path.display())]
pub(super) struct FileError {
    pub(super) doing: &'static str,
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// Takes refused lines.
pub(super) enum Rejected {
    /// Writes them to a file.
    File(PathBuf, File),
    /// Writes them to standard error.
    StandardError,
}

impl Rejected {
    /// To a new file, if one is named.
    pub(super) fn to(path: Option<&Path>) -> Result<Self, FileError> {
        let Some(path) = path else { return Ok(Self::StandardError) };
        let failed = |source| FileError { doing: "write", path: path.to_owned(), source };
        Ok(Self::File(path.to_owned(), File::create(path).map_err(failed)?))
    }

    /// Writes why a line was refused.
    pub(super) fn write(&mut self, line: u64, refusal: &Rejection) -> Result<(), FileError> {
        let json = refused(line, refusal);
        match self {
            Self::File(path, file) => {
                let failed = |source| FileError { doing: "write", path: path.clone(), source };
                file.write_all(&json).map_err(failed)
            }
            Self::StandardError => {
                // Where nobody reads standard error any more, the exit code says that lines were refused.
                let _ = io::stderr().lock().write_all(&json);
                Ok(())
            }
        }
    }
}

/// A line, its end included, so that lines of several writers do not mix.
fn refused(line: u64, refusal: &Rejection) -> Vec<u8> {
    let Rejection { stage, class, message } = refusal;
    let refused = Refused { line, error: Why { stage, class: class.as_str(), message } };
    match serde_json::to_vec(&refused) {
        Ok(mut json) => {
            json.push(b'\n');
            json
        }
        Err(error) => unreachable!("numbers and strings always become JSON: {error}"),
    }
}
