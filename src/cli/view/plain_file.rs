//! Plain file: a file of answers or posts that is opened, and why it cannot be.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::common::plain_file;

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{}`", path.display())]
pub(super) struct FileError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// A plain file that can be read.
pub(super) fn opened(path: &Path) -> Result<File, FileError> {
    plain_file::open(path).map_err(|source| FileError { path: path.to_owned(), source })
}
