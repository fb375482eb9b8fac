//! Hashes: SHA-256 of files, in lower-case hexadecimal.

use std::fmt::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::{BundleError, Fault};
use super::files::FileEntry;
use crate::common::plain_file;

/// The SHA-256 of a file, which may be larger than memory.
pub(in crate::networks) fn hash_of(file: &Path) -> Result<String, BundleError> {
    let unreadable = |source| BundleError::Read { file: file.to_owned(), source };
    let mut hash = Sha256::new();
    std::io::copy(&mut plain_file::open(file).map_err(unreadable)?, &mut hash).map_err(unreadable)?;
    Ok(hexadecimal(hash.finalize()))
}

pub(in crate::networks) fn hexadecimal(hash: impl AsRef<[u8]>) -> String {
    hash.as_ref().iter().fold(String::with_capacity(64), |mut hexadecimal, byte| {
        let _ = write!(hexadecimal, "{byte:02x}"); // writing to a string cannot fail
        hexadecimal
    })
}

/// Refuses a file that was changed after the bundle was opened.
pub(in crate::networks) fn unchanged(file: &Path, entry: &FileEntry, found: &str) -> Result<(), BundleError> {
    if found == entry.sha256 {
        return Ok(());
    }
    let expected = format!("the file with the hash {}", entry.sha256);
    let faults = vec![Fault::new("sha256", expected, format!("one with the hash {found}"))];
    Err(BundleError::Unfit { file: file.to_owned(), faults })
}
