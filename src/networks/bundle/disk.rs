//! Durable writing of files. Whole, whenever the power goes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file so that at any moment it is as it was or as it shall be.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = file.with_file_name(name);
    let mut written = File::create(&partial)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    fs::rename(&partial, file)?;
    file.parent().map_or(Ok(()), settle)
}

/// Waits until the names in a folder are on the disk.
pub(super) fn settle(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left_even_of_an_attempt_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bundle.toml");
        fs::write(folder.path().join("bundle.toml.partial"), "cut off, and longer than what comes").unwrap();
        for text in ["one", "other"] {
            replace(&file, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}
