//! Pictures of a split: where each lies. They are read and decoded as they are needed, and must be those that were checked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};

use crate::common::plain_file;
use crate::domain::Frame;
use crate::input::decode;
use crate::lab::dataset::StoredPicture;

/// The pictures that records hold, in the folder of work.
const KEPT: &str = "pictures";

/// A picture that is read when it is needed.
#[derive(Debug)]
pub(super) struct PictureFile {
    file: PathBuf,
    /// Of its bytes.
    pub(super) hash: blake3::Hash,
}

impl PictureFile {
    /// A picture of a post, and its bytes. One that the record holds is written into the folder of work, so that records need
    /// not stay in memory.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub(super) fn of(stored: StoredPicture<'_>, work: &Path) -> Result<(Self, Vec<u8>), String> {
        let bytes = stored.read()?;
        let hash = blake3::hash(&bytes);
        if let Some(file) = stored.file() {
            return Ok((Self { file, hash }, bytes));
        }
        let folder = work.join(KEPT);
        let file = folder.join(hash.to_hex().as_str());
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, &bytes))
            .map_err(|error| format!("it cannot be written to `{}`: {error}", file.display()))?;
        Ok((Self { file, hash }, bytes))
    }

    /// The picture as pixels.
    ///
    /// # Errors
    /// It has changed since it was checked.
    pub(super) fn frame(&self, limits: &decode::Config) -> Result<Frame> {
        let shown = self.file.display();
        let bytes = plain_file::read(&self.file).with_context(|| format!("failed to read `{shown}`"))?;
        ensure!(blake3::hash(&bytes) == self.hash, "the picture `{shown}` has changed since it was checked");
        decoded(&shown.to_string(), &bytes, limits).map_err(|message| anyhow!("`{shown}`: {message}"))
    }
}

/// Decodes a picture.
///
/// # Errors
/// It is damaged, or beyond a limit.
pub(super) fn decoded(name: &str, bytes: &[u8], limits: &decode::Config) -> Result<Frame, String> {
    decode::picture(name, bytes, limits).map_err(|rejection| rejection.message)
}
