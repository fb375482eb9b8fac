//! JSON strings whose escapes may name half of a surrogate pair, which UTF-8 cannot hold.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::value::{JsonValue, Kind};

/// The text of a string; none for other types. Half of a surrogate pair becomes U+FFFD.
pub(crate) fn text(raw: JsonValue<'_>) -> Option<Cow<'_, str>> {
    let inner = raw.between_quotes()?;
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    let Loose(mut bytes) = serde_json::from_str(raw.text()).ok()?;
    replace_surrogates(&mut bytes);
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// An id or a key: a string, or the digits of a whole number as they were written. Half of a surrogate pair is refused:
/// as U+FFFD two ids could become one.
///
/// # Errors
/// What was expected and found.
pub(crate) fn name(raw: JsonValue<'_>) -> Result<String, String> {
    match raw.kind() {
        Kind::String => {
            let Loose(bytes) = serde_json::from_str(raw.text()).map_err(|fault| fault.to_string())?;
            String::from_utf8(bytes).map_err(|fault| {
                let place = fault.utf8_error().valid_up_to();
                format!("expected a name, found half of a surrogate pair after {place} bytes of it")
            })
        }
        Kind::Number => {
            let number = raw.text();
            if number.strip_prefix('-').unwrap_or(number).bytes().all(|byte| byte.is_ascii_digit()) {
                return Ok(number.to_owned());
            }
            Err(format!("found the number `{number}`, expected a string or a whole number"))
        }
        other => Err(format!("found {other}, expected a string or a whole number")),
    }
}

/// The bytes of a string that may contain halves of surrogate pairs.
struct Loose(Vec<u8>);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes: only so does the JSON reader return lone surrogates instead of refusing them.
        deserializer.deserialize_bytes(LooseVisitor)
    }
}

struct LooseVisitor;

impl Visitor<'_> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Loose, E> {
        Ok(Loose(bytes.to_vec()))
    }
}

/// Replaces each lone surrogate by U+FFFD; both take three bytes.
fn replace_surrogates(bytes: &mut [u8]) {
    for index in 0..bytes.len().saturating_sub(2) {
        if bytes[index] == 0xED && bytes[index + 1] >= 0xA0 {
            bytes[index..index + 3].copy_from_slice("\u{FFFD}".as_bytes());
        }
    }
}
