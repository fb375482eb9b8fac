//! Data sets: reads the posts of a split from a folder in one of two layouts.
//!
//! The layout of `riveg world`: `feed.jsonl` with input records and `gold.jsonl` with their entities, in the folder or in a
//! subfolder with the split's name. The layout of Twitter-GMNER: `txt/<split>.txt`, `xml/<id>.xml`, `images/<id>.jpg`.

use std::path::Path;

use super::{gold_file, twitter_gmner};

pub use super::files::{DatasetError, Example};

/// Reads all posts of one split, in the order of the files.
///
/// # Errors
/// The first fault, with file and line.
pub fn read(directory: &Path, split: &str) -> Result<Vec<Example>, DatasetError> {
    for folder in [directory.join(split), directory.to_owned()] {
        if folder.join("gold.jsonl").is_file() {
            return gold_file::read(&folder);
        }
    }
    if directory.join("txt").join(format!("{split}.txt")).is_file() {
        return twitter_gmner::read(directory, split);
    }
    Err(DatasetError::NoDataset { directory: directory.to_owned(), split: split.to_owned() })
}
