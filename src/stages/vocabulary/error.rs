//! Errors of vocabularies: the file, the place in it, what was expected and what was found.

use std::fmt;
use std::path::{Path, PathBuf};

/// A vocabulary cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// A file cannot be read.
    #[error("cannot read `{}` of the tokenizer", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Files of the layout are missing.
    #[error("`{given}` is no tokenizer: expected {expected}, found {found}")]
    Incomplete {
        /// The given folder or files.
        given: String,
        /// The supported layouts.
        expected: &'static str,
        /// The files that were found.
        found: String,
    },
    /// The content of a file does not fit its layout.
    #[error("`{}` does not fit: {place}: expected {expected}, found {found}", file.display())]
    Unfit {
        /// Which file.
        file: PathBuf,
        /// The place in the file, or the piece.
        place: String,
        /// The expected content.
        expected: String,
        /// The content that was found.
        found: String,
    },
    /// No tokenizer can be built from the file.
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
        // Pieces are untrusted and may contain terminal control characters.
        let place = place.to_string().escape_debug().to_string();
        Self::Unfit { file: file.to_owned(), place, expected, found }
    }

    pub(super) fn unusable(file: &Path, source: tokenizers::Error) -> Self {
        Self::Unusable { file: file.to_owned(), source }
    }
}
