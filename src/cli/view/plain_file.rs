//! Plain file: a file of answers or posts that is opened, and why it cannot be.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{}`", path.display())]
pub(super) struct FileError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// A file that can be read, and is no folder.
pub(super) fn opened(path: &Path) -> Result<File, FileError> {
    let failed = |source| FileError { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}
