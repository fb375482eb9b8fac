//! Work folder of a fetch: the bundle is put together beside the place where it will be, and takes that place whole.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::error::FetchError;
use super::lock::LOCK;

/// A folder beside the bundle's, which only this process uses. It goes with what is in it when it is dropped.
#[derive(Debug)]
pub(super) struct Work {
    folder: PathBuf,
    out: PathBuf,
    /// Locked until it is dropped, or the process ends, however it ends.
    _lock: File,
}

impl Work {
    /// Takes the work folder of a bundle, and empties it of what a fetch that was cut off has left.
    pub(super) fn take(out: &Path) -> Result<Self, FetchError> {
        let out = std::path::absolute(out).map_err(|source| unwritable(out, source))?;
        if is_foreign(&out) {
            return Err(FetchError::Occupied { out });
        }
        let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = out.with_file_name(format!(".{name}.fetch"));
        fs::create_dir_all(&folder).map_err(|source| unwritable(&folder, source))?;
        let lock = File::open(&folder).map_err(|source| unwritable(&folder, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FetchError::Busy { out }),
            Err(TryLockError::Error(source)) => return Err(unwritable(&folder, source)),
        }
        let work = Self { folder, out, _lock: lock };
        // A fetch that was stopped between two renames left the bundle here.
        let old = work.old();
        if old.exists() && !work.out.exists() {
            fs::rename(&old, &work.out).map_err(|source| unwritable(&work.out, source))?;
        }
        for entry in fs::read_dir(&work.folder).map_err(|source| unwritable(&work.folder, source))? {
            let path = entry.map_err(|source| unwritable(&work.folder, source))?.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(|source| unwritable(&path, source))?;
        }
        Ok(work)
    }

    /// Where the bundle is put together, under the name that it will have.
    pub(super) fn bundle(&self) -> PathBuf {
        self.folder.join("new").join(self.out.file_name().unwrap_or_default())
    }

    /// A folder with links to files under the names by which an import knows them.
    pub(super) fn links<'file>(
        &self,
        name: &str,
        files: impl Iterator<Item = (String, &'file Path)>,
    ) -> Result<PathBuf, FetchError> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(|source| unwritable(&folder, source))?;
        for (name, file) in files {
            let target = std::path::absolute(file).map_err(|source| unwritable(file, source))?;
            let link = folder.join(name);
            std::os::unix::fs::symlink(target, &link).map_err(|source| unwritable(&link, source))?;
        }
        Ok(folder)
    }

    /// Puts the bundle in its place, where an older one may be.
    pub(super) fn place(&self) -> Result<(), FetchError> {
        let (new, old) = (self.bundle(), self.old());
        let settled = File::open(&new).and_then(|folder| folder.sync_all());
        settled.map_err(|source| unwritable(&new, source))?;
        let failed = |source| unwritable(&self.out, source);
        if self.out.exists() {
            fs::rename(&self.out, &old).map_err(failed)?;
        }
        if let Err(source) = fs::rename(&new, &self.out) {
            if old.exists() {
                fs::rename(&old, &self.out).map_err(failed)?;
            }
            return Err(failed(source));
        }
        let parent = self.out.parent().unwrap_or(Path::new("/"));
        File::open(parent).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    /// Where an older bundle is while the new one takes its place.
    fn old(&self) -> PathBuf {
        self.folder.join("old")
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What is left takes room, and the next fetch removes it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether a folder has something that no fetch made.
fn is_foreign(out: &Path) -> bool {
    let is_empty = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    out.exists() && !is_empty && !out.join(LOCK).is_file()
}

fn unwritable(file: &Path, source: std::io::Error) -> FetchError {
    FetchError::Write { file: file.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_bundle_takes_the_place_of_an_older_one_whole_and_leaves_nothing_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("mine");
        for text in ["one", "other"] {
            let work = Work::take(&out).unwrap();
            assert!(matches!(Work::take(&out), Err(FetchError::Busy { .. })));
            fs::create_dir_all(work.bundle()).unwrap();
            fs::write(work.bundle().join(LOCK), text).unwrap();
            work.place().unwrap();
            drop(work);
            assert_eq!(fs::read_to_string(out.join(LOCK)).unwrap(), text);
            assert_eq!(names(root.path()), ["mine"]);
        }
    }

    #[test]
    fn a_fetch_that_was_stopped_between_two_renames_has_lost_nothing() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("mine");
        fs::create_dir_all(root.path().join(".mine.fetch/old")).unwrap();
        fs::write(root.path().join(".mine.fetch/old").join(LOCK), "old").unwrap();
        fs::write(root.path().join(".mine.fetch/half"), "half").unwrap();
        drop(Work::take(&out).unwrap());
        assert_eq!(fs::read_to_string(out.join(LOCK)).unwrap(), "old");
        assert_eq!(names(root.path()), ["mine"]);
    }

    #[test]
    fn what_no_fetch_made_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("letter.txt"), "dear").unwrap();
        assert!(matches!(Work::take(root.path()), Err(FetchError::Occupied { .. })));
        let file = root.path().join("letter.txt");
        assert!(matches!(Work::take(&file), Err(FetchError::Occupied { .. })));
    }
}
