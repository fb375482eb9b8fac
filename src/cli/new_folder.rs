//! New folders for output: files of an earlier run would mix with the new ones.

use std::fs;
use std::path::Path;

use super::UsageError;

/// Fails if the folder is there and holds something.
pub(super) fn must_be_empty(folder: &Path) -> Result<(), UsageError> {
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(UsageError(format!("`{}` is not empty; name a new folder", folder.display())));
    }
    Ok(())
}
