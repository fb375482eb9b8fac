//! What can be wrong with a published vocabulary, said so that it can be put right: which file, where, expected, found.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a vocabulary was not read.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// A file could not be read.
    #[error("cannot read `{}` of the tokenizer", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files that are there make no vocabulary.
    #[error("`{given}` is no tokenizer: expected {expected}, found {found}")]
    Incomplete {
        /// The folder or the files.
        given: String,
        /// The layouts that would have been read.
        expected: &'static str,
        /// What there is of them.
        found: String,
    },
    /// Something in a file is not what its layout has there.
    #[error("`{}` does not fit: {place}: expected {expected}, found {found}", file.display())]
    Unfit {
        /// Which file.
        file: PathBuf,
        /// Where in it, or which piece.
        place: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The file is whole, but no tokenizer can be made of it.
    #[error("`{}` makes no tokenizer", file.display())]
    Unusable {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: tokenizers::Error,
    },
}

impl VocabularyError {
    pub(super) fn unfit(
        file: &Path,
        place: impl fmt::Display,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        // Pieces are bytes from elsewhere: they must not steer the terminal that shows them.
        let place = place.to_string().escape_debug().to_string();
        Self::Unfit { file: file.to_owned(), place, expected, found }
    }

    pub(super) fn unusable(file: &Path, source: tokenizers::Error) -> Self {
        Self::Unusable { file: file.to_owned(), source }
    }
}
