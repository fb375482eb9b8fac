//! Errors of a lexicon: the file cannot be read, or one of its lines is no entry.

use std::io;
use std::path::PathBuf;

/// The lexicon file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// It is missing, unreadable or not UTF-8.
    #[error("failed to read the lexicon `{path}`")]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// A line is not an entry.
    #[error("line {line} of the lexicon `{path}` is not an entry")]
    Line {
        /// Where.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// What was wrong.
        #[source]
        source: LineFault,
    },
}

/// Why a line is not an entry.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// It is not the expected JSON.
    #[error(
        "it must be a JSON object with the strings `surface`, `type` and `expansion`, and perhaps `description` and `iri`"
    )]
    Json(#[from] serde_json::Error),
    /// A string is empty.
    #[error("its `{0}` is empty")]
    Empty(&'static str),
    /// The IRI is none.
    #[error("its `iri` is `{0}`, not an absolute IRI such as `http://www.wikidata.org/entity/Q7259`")]
    Iri(String),
}
