//! Files of data sets: errors with file and line, and a reader of JSON lines.

use std::fs;
use std::path::{Path, PathBuf};

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
    /// A folder has none of the layouts.
    #[error(
        "`{}` holds no data set: neither `gold.jsonl` with `feed.jsonl` (there or in `{split}/`) nor `annotations.json` nor `labelstudio.json` nor \
         `txt/{split}.txt` nor `{split}.txt`",
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

/// A line of a file, parsed or not.
pub(super) type ReadLine<T> = Result<(usize, T), DatasetError>;

/// Parses every non-blank line of a JSONL file; returns them with line numbers from 1.
pub(super) fn read_lines<T: serde::de::DeserializeOwned>(
    file: &Path,
) -> Result<Vec<ReadLine<T>>, DatasetError> {
    let text = read_text(file)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = |(index, line): (usize, &str)| match serde_json::from_str(line) {
        Ok(value) => Ok((index + 1, value)),
        Err(error) => Err(malformed(file, index + 1, error.to_string())),
    };
    Ok(lines.map(parsed).collect())
}
