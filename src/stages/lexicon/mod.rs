//! Lexicon: what an operator knows of names, for the stages that expand and link them.
//!
//! [`entries`] reads the file and looks names up; [`counts`] counts the names that it knew.

mod counts;
mod entries;
mod error;

pub use counts::LexiconCounts;
pub use entries::{Candidate, Lexicon};
pub use error::{LexiconError, LineFault};
