//! The JSON text of a record: valid UTF-8 and valid JSON, repaired where feeds are known to break it.

use std::borrow::Cow;

use crate::domain::Rejection;
use crate::input::fault::malformed;

use super::value::{check, with_controls_escaped};

/// The JSON text that a payload holds, whatever its values are.
///
/// # Errors
/// `malformed` where it is no JSON, with its place.
pub(crate) fn record_text(payload: &[u8]) -> Result<Cow<'_, str>, Rejection> {
    let json = std::str::from_utf8(payload).map_err(|fault| {
        malformed(&format!("the record is not UTF-8: byte {} begins no character", fault.valid_up_to()))
    })?;
    // JSON does not begin with a byte order mark, but some editors write one.
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    let Err(fault) = check(json) else { return Ok(Cow::Borrowed(json)) };
    // Some feeds do not escape control characters of what people typed. Valid records pay nothing for this repair.
    match with_controls_escaped(json).filter(|escaped| check(escaped).is_ok()) {
        Some(escaped) => Ok(Cow::Owned(escaped)),
        None => Err(malformed(&format!("the record is not JSON: {fault}"))),
    }
}
