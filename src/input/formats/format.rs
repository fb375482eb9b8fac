//! The seam of input formats: what a format is given, and what it returns.

use crate::domain::Rejection;
use crate::input::config::Config;

use super::draft::PostDraft;

/// A record as it arrives. Its headers and topic join here when a format needs them.
#[derive(Debug, Clone, Copy)]
pub struct InputRecord<'a> {
    /// The record's value.
    pub payload: &'a [u8],
}

/// What a record says.
#[derive(Debug)]
pub enum Reading {
    /// A post to be annotated.
    Post(PostDraft),
    /// The post of this id was deleted.
    Deletion {
        /// The feed's id of the post.
        id: String,
    },
    /// Nothing to be annotated, such as a keep-alive.
    Skip {
        /// Why, for the log.
        reason: String,
    },
}

/// Reads a record within the limits of the settings, or says why it cannot be read.
pub type Read = fn(InputRecord<'_>, &Config) -> Result<Reading, Rejection>;

/// An input format.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name in settings and logs.
    pub name: &'static str,
    /// Its reader.
    pub read: Read,
}
