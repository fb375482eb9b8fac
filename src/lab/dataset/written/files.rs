//! Files of written data sets: errors, names, and what all layouts need of a post.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::lab::dataset::mentions::{GoldMention, GoldPost, GoldRegion};

/// A data set that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file or folder could not be written.
    #[error("failed to write `{}`", file.display())]
    Write {
        /// Its path.
        file: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A post does not fit the layout.
    #[error("post `{post}` does not fit the layout: {message}")]
    Refused {
        /// Its id.
        post: String,
        /// The reason.
        message: String,
    },
}

/// The folder, which is made if it is not there, as an absolute path.
pub(super) fn made(folder: &Path) -> Result<PathBuf, WriteError> {
    let fault = |source| WriteError::Write { file: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(fault)?;
    fs::canonicalize(folder).map_err(fault)
}

pub(super) fn save(file: PathBuf, text: impl AsRef<[u8]>) -> Result<(), WriteError> {
    fs::write(&file, text).map_err(|source| WriteError::Write { file, source })
}

pub(super) fn refused(post: &GoldPost, message: impl Into<String>) -> WriteError {
    WriteError::Refused { post: post.id.clone(), message: message.into() }
}

/// The name of a post's picture. An id may hold what a file's name may not; then a hash tells such ids apart.
pub(super) fn file_name(id: &str) -> String {
    let is_safe = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    if !id.is_empty() && !id.starts_with('.') && id.chars().all(is_safe) {
        return format!("{id}.jpg");
    }
    let safe: String = id.chars().filter(|letter| letter.is_alphanumeric()).collect();
    format!("{safe}-{}.jpg", &blake3::hash(id.as_bytes()).to_hex()[..8])
}

/// The key of the picture with the post's regions.
pub(super) fn picture_of(post: &GoldPost) -> Result<&str, WriteError> {
    let mut keys: Vec<&str> = regions(post).map(|(_, region)| region.media_key.as_str()).collect();
    keys.dedup();
    match keys[..] {
        [] => Ok(&post.id),
        [key] => Ok(key),
        _ => Err(refused(post, "its regions are in several pictures, and the layout has one a post")),
    }
}

pub(super) fn regions(post: &GoldPost) -> impl Iterator<Item = (&GoldMention, &GoldRegion)> {
    post.mentions.iter().flat_map(|mention| mention.regions.iter().map(move |region| (mention, region)))
}
