//! Broken files: renamed beside their place for inspection. One of them is kept.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Identifies a file, so that a replacement is noticed.
pub(super) fn inode(file: &Path) -> Option<u64> {
    fs::metadata(file).ok().map(|metadata| metadata.ino())
}

/// Renames the file to `NAME.broken-SECONDS` and removes earlier broken files. Does nothing if another engine has replaced
/// the file meanwhile.
pub(super) fn set_aside(file: &Path, inode_then: Option<u64>, seconds: u64) -> io::Result<Option<PathBuf>> {
    if inode_then.is_none() || inode(file) != inode_then {
        return Ok(None);
    }
    for old in broken(file)? {
        fs::remove_file(old)?;
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let aside = file.with_file_name(format!("{name}.broken-{seconds}"));
    fs::rename(file, &aside)?;
    Ok(Some(aside))
}

/// The broken files.
fn broken(file: &Path) -> io::Result<Vec<PathBuf>> {
    let start = format!("{}.broken-", file.file_name().unwrap_or_default().to_string_lossy());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&start) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_broken_file_is_kept_and_a_file_that_took_its_place_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers.redb");
        let names = || {
            let mut names: Vec<String> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort_unstable();
            names
        };
        for seconds in [1, 2] {
            fs::write(&file, "x").unwrap();
            let aside = set_aside(&file, inode(&file), seconds).unwrap();
            assert_eq!(aside, Some(folder.path().join(format!("answers.redb.broken-{seconds}"))));
        }
        assert_eq!(names(), ["answers.redb.broken-2"]);
        assert_eq!(set_aside(&file, inode(&file), 3).unwrap(), None, "there is none");
        fs::write(&file, "of another engine").unwrap();
        let other = inode(&folder.path().join("answers.redb.broken-2"));
        assert_eq!(set_aside(&file, other, 4).unwrap(), None);
        assert_eq!(names(), ["answers.redb", "answers.redb.broken-2"]);
    }
}
