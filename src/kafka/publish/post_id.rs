//! Post id of a rejected record, for the log: the field `id`, read from as much of the JSON as is valid.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Longer ids are truncated: they are untrusted, and real ones have some twenty characters.
const MAX_CHARACTERS: usize = 100;

/// The id of a record's post, with control characters replaced. None if the record breaks off before an id.
pub(super) fn post_id(record: &[u8]) -> Option<String> {
    let mut found = None;
    let mut json = serde_json::Deserializer::from_slice(record);
    // The visitor ends with an error when it has found the id: the rest is not read.
    let _ = json.deserialize_map(Fields(&mut found));
    let id: String = found?.chars().take(MAX_CHARACTERS).map(printable).collect();
    Some(id).filter(|id| !id.is_empty())
}

fn printable(letter: char) -> char {
    if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }
}

/// Reads fields until `id`.
struct Fields<'a>(&'a mut Option<String>);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<(), M::Error> {
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            if name != "id" {
                fields.next_value::<IgnoredAny>()?;
                continue;
            }
            *self.0 = match fields.next_value()? {
                Value::String(id) => Some(id),
                // Numbers beyond 64 bits are rounded: no id is better than that of another post.
                Value::Number(id) if !id.is_f64() => Some(id.to_string()),
                _ => None,
            };
            return Err(M::Error::custom("the rest is not needed"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_broken_records_and_no_other_field_is_taken_for_it() {
        let long = format!(r#"{{"id":"{}"}}"#, "é".repeat(200));
        let cases = [
            (r#"{"id":"7","text":"x"}"#, Some("7")),
            (
                r#"{"text":"a secret","media":[{"id":"inner"}],"id":1234567890123456789}"#,
                Some("1234567890123456789"),
            ),
            (r#"{"id":"cut","text":"a rec"#, Some("cut")),
            (r#"{"text":"a rec"#, None),
            (r#"{"id":"a\u001b[31mb"}"#, Some("a\u{fffd}[31mb")),
            (r#"{"id":12345678901234567890123}"#, None),
            (r#"{"id":{"id":"deep"}}"#, None),
            (r#"{"id":""}"#, None),
            (r#"["id","7"]"#, None),
            ("no JSON", None),
            ("", None),
            (&long, Some(&*"é".repeat(100))),
        ];
        for (record, expected) in cases {
            assert_eq!(post_id(record.as_bytes()).as_deref(), expected, "{record:.60}");
        }
        assert_eq!(post_id(b"{\"id\":\"\xff\"}"), None);
    }
}
