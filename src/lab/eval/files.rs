//! Data-set files: examples, errors with file and line, and a reader of JSON lines.

use std::fs;
use std::path::{Path, PathBuf};

use super::GoldPost;

/// A post to evaluate: the engine's input and the gold answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The input record.
    pub record: Vec<u8>,
    /// The gold answer.
    pub gold: GoldPost,
}

/// An error in a data set or in a file of predictions.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// Its path.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file does not match its layout.
    #[error("`{}`{}: {message}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Malformed {
        /// Its path.
        file: PathBuf,
        /// The line, counted from 1, if the file has lines.
        line: Option<usize>,
        /// The expected and the found content.
        message: String,
    },
    /// A folder has neither layout.
    #[error(
        "`{}` holds no data set: neither `gold.jsonl` with `feed.jsonl` (there or in `{split}/`) nor `txt/{split}.txt`",
        directory.display()
    )]
    NoDataset {
        /// Its path.
        directory: PathBuf,
        /// The requested split.
        split: String,
    },
}

pub(super) fn read_text(file: &Path) -> Result<String, DatasetError> {
    fs::read_to_string(file).map_err(|source| DatasetError::Read { file: file.to_owned(), source })
}

pub(super) fn malformed(
    file: &Path,
    line: impl Into<Option<usize>>,
    message: impl Into<String>,
) -> DatasetError {
    DatasetError::Malformed { file: file.to_owned(), line: line.into(), message: message.into() }
}

/// Parses every non-blank line of a JSONL file; returns them with line numbers from 1.
pub(super) fn read_lines<T: serde::de::DeserializeOwned>(
    file: &Path,
) -> Result<Vec<(usize, T)>, DatasetError> {
    let text = read_text(file)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let parsed = serde_json::from_str(line);
            parsed
                .map(|value| (index + 1, value))
                .map_err(|error| malformed(file, index + 1, error.to_string()))
        })
        .collect()
}
