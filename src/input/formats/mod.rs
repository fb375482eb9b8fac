//! Input formats: the bytes of a record to the draft of a post.
//!
//! A format is one file with one function, [`Read`], and one line in [`FORMATS`]. A format decides what a record says:
//! an id, a text, media by bytes or by URL. It does not fetch, and it does not look at pictures: [`super::decode`] does
//! that for all formats alike. JSON formats share the reader in `json`; formats whose media are text share `base64`.

mod base64;
mod draft;
mod format;
mod json;
mod riveg;

use crate::domain::{Rejection, RejectionClass};

use super::config::Config;
use super::fault::rejection;

pub use draft::{MediaDraft, MediaSource, PostDraft};
pub use format::{Format, InputRecord, Read, Reading};

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
