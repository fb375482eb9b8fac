//! JSON for the formats that are written in it: values as they were written, their strings, values to be repeated.

mod record;
mod strings;
mod value;
mod verbatim;

pub(super) use record::record_text;
pub(super) use strings::{name, text};
pub(super) use value::{JsonValue, Kind};
pub(super) use verbatim::{MAX_DEPTH, verbatim};
