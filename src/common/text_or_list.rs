//! Text or list: settings that are one text or a list of texts.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};

/// Reads one text or a list of texts. `expecting` says what it must be, for the message of a value of another kind.
///
/// # Errors
/// The value is neither.
pub fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
    expecting: &'static str,
) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(Entries { expecting })
}

/// Writes a list of one text as the text.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(entries: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match entries {
        [only] => serializer.serialize_str(only),
        several => several.serialize(serializer),
    }
}

struct Entries {
    expecting: &'static str,
}

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(entry) = entries.next_element()? {
            texts.push(entry);
        }
        Ok(texts)
    }
}
