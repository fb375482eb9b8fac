//! Input formats: the bytes of a record to the draft of a post.
//!
//! A format is one file with one function, [`Read`], and one line in [`FORMATS`]. A format decides what a record says:
//! an id, a text, media by bytes or by URL. It does not fetch, and it does not look at pictures: [`super::decode`] does
//! that for all formats alike. JSON formats share the reader in `json`; formats whose media are text share `base64`.

mod base64;
mod draft;
mod json;
mod riveg;

use crate::domain::{Rejection, RejectionClass};

use super::config::Config;
use super::fault::rejection;

pub use draft::{MediaDraft, MediaSource, PostDraft};

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

/// All formats; the first is the default.
pub const FORMATS: &[Format] = &[Format { name: "riveg", read: riveg::read }];

/// Reads a record in the default format.
///
/// # Errors
/// `too-large` where it is longer than `max_record`; else as its format says.
pub fn read(record: InputRecord<'_>, config: &Config) -> Result<Reading, Rejection> {
    let size = record.payload.len() as u64;
    if size > config.max_record.as_u64() {
        let message =
            format!("the record has {size} bytes, more than the {} of decode.max_record", config.max_record);
        return Err(rejection(RejectionClass::TooLarge, message));
    }
    (FORMATS[0].read)(record, config)
}
