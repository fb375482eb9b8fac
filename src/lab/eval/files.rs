//! Data-set files: examples, faults with file and line, and a reader of JSON lines.

use std::fs;
use std::path::{Path, PathBuf};

use super::GoldPost;

/// A post to be judged: what the engine gets, and what it should say.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The input record, as it would stand in the feed.
    pub record: Vec<u8>,
    /// What is true of it.
    pub gold: GoldPost,
}

/// What is wrong with a data set, or with a file of predictions.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file could not be read.
    #[error("cannot read `{}`", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file says something else than its layout asks for.
    #[error("`{}`{}: {message}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Malformed {
        /// Which.
        file: PathBuf,
        /// Counted from 1, where the file has lines.
        line: Option<usize>,
        /// What was expected and what was found.
        message: String,
    },
    /// A folder holds neither layout.
    #[error(
        "`{}` holds no data set: neither `gold.jsonl` with `feed.jsonl` (there or in `{split}/`) nor `txt/{split}.txt`",
        directory.display()
    )]
    NoDataset {
        /// Which folder.
        directory: PathBuf,
        /// Which split was asked for.
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

/// Parses every line of a JSONL file that is not blank, with its number counted from 1.
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
