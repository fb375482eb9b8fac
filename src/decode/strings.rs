//! What does a string of JSON say whose escapes may name half of a surrogate pair? No UTF-8 can hold that.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Any JSON string. Escapes may name half of a surrogate pair, which no UTF-8 can hold: it becomes U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

/// A JSON string by which readers find something again. Half of a surrogate pair is refused in it: as U+FFFD two names
/// could become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, since only so does the JSON reader hand out lone surrogates instead of refusing them.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(NameVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text, E> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(Text(text.to_owned()));
        }
        let mut bytes = bytes.to_vec();
        replace_surrogates(&mut bytes);
        String::from_utf8(bytes).map(Text).map_err(|_| E::custom("a string that is not UTF-8"))
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Name, E> {
        let name = std::str::from_utf8(bytes).map_err(|fault| {
            let place = fault.valid_up_to();
            E::custom(format!("expected a name, found half of a surrogate pair after {place} bytes of it"))
        })?;
        Ok(Name(name.to_owned()))
    }
}

/// Puts U+FFFD where a surrogate stands alone; both take three bytes.
fn replace_surrogates(bytes: &mut [u8]) {
    for index in 0..bytes.len().saturating_sub(2) {
        if bytes[index] == 0xED && bytes[index + 1] >= 0xA0 {
            bytes[index..index + 3].copy_from_slice("\u{FFFD}".as_bytes());
        }
    }
}
