//! What does the record say? The JSON of an input record, before any picture in it is looked at.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::domain::{Rejection, RejectionClass};

use super::{Config, rejected};

/// An input record as it stands in the feed. Fields that nobody here knows are passed over.
#[derive(Debug, serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct WirePost<'a> {
    pub(super) id: Text,
    pub(super) text: Text,
    pub(super) created_at: Option<Text>,
    pub(super) lang: Option<Text>,
    pub(super) author: Option<Text>,
    #[serde(borrow)]
    pub(super) media: Option<Vec<WireMedia<'a>>>,
}

/// One of its pictures: base64 in `bytes`, or an address in `url`.
#[derive(Debug, serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct WireMedia<'a> {
    pub(super) key: Text,
    /// What the feed calls it; the bytes decide what it is.
    #[serde(rename = "type")]
    pub(super) declared: Option<Text>,
    #[serde(borrow)]
    pub(super) bytes: Option<Cow<'a, str>>,
    pub(super) url: Option<Text>,
    pub(super) alt_text: Option<Text>,
}

/// Any JSON string. Escapes may name half of a surrogate pair, which no UTF-8 can hold: it becomes U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

/// Reads a record within the limits on its text, id and number of pictures.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read<'a>(payload: &'a [u8], config: &Config) -> Result<WirePost<'a>, Rejection> {
    let size = payload.len() as u64;
    if size > config.max_record.as_u64() {
        let message =
            format!("the record has {size} bytes, more than the {} of decode.max_record", config.max_record);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    let json = std::str::from_utf8(payload).map_err(|fault| {
        let message = format!("the record is not UTF-8: byte {} begins no character", fault.valid_up_to());
        rejected(RejectionClass::Malformed, message)
    })?;
    // The derived reader would take an array of the fields' values too, which no feed means.
    if json.trim_start().starts_with('[') {
        let message = "the record is not a post: found an array, expected an object";
        return Err(rejected(RejectionClass::Malformed, message.to_owned()));
    }
    let post: WirePost<'a> = serde_json::from_str(json).map_err(|_| explained(json))?;
    within_limits(&post, config)?;
    Ok(post)
}

fn within_limits(post: &WirePost<'_>, config: &Config) -> Result<(), Rejection> {
    if post.id.0.is_empty() {
        return Err(rejected(RejectionClass::Malformed, "`id` is empty".to_owned()));
    }
    let text = post.text.0.len() as u64;
    if text > config.max_text.as_u64() {
        let message =
            format!("`text` has {text} bytes, more than the {} of decode.max_text", config.max_text);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    let media = post.media.as_deref().unwrap_or_default();
    if media.len() > config.max_media {
        let message = format!(
            "`media` has {} entries, more than the {} of decode.max_media",
            media.len(),
            config.max_media
        );
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    for (index, medium) in media.iter().enumerate() {
        if media[..index].iter().any(|earlier| earlier.key == medium.key) {
            let message =
                format!("`media[{index}].key`: `{}` names an earlier picture too", brief(&medium.key.0));
            return Err(rejected(RejectionClass::Malformed, message));
        }
    }
    Ok(())
}

/// Reads again, slowly, to learn where the record is wrong: the good records do not pay for it.
fn explained(json: &str) -> Rejection {
    let message = match serde_path_to_error::deserialize::<_, WirePost<'_>>(
        &mut serde_json::Deserializer::from_str(json),
    ) {
        Err(fault) if fault.inner().is_data() && fault.path().iter().next().is_some() => {
            format!("the record is not a post: at `{}`: {}", fault.path(), fault.inner())
        }
        Err(fault) if fault.inner().is_data() => format!("the record is not a post: {}", fault.inner()),
        Err(fault) => format!("the record is not JSON: {}", fault.inner()),
        Ok(_) => "the record is not JSON: something follows its end".to_owned(),
    };
    rejected(RejectionClass::Malformed, brief(&message))
}

/// The beginning of a long string, since faults quote what they found and that may be a megabyte.
pub(super) fn brief(message: &str) -> String {
    const LONGEST: usize = 400; // characters: a paragraph, and far below the limit on Kafka headers
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, since only so does the JSON reader hand out lone surrogates instead of refusing them.
        deserializer.deserialize_bytes(TextVisitor)
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

/// Puts U+FFFD where a surrogate stands alone; both take three bytes.
fn replace_surrogates(bytes: &mut [u8]) {
    for index in 0..bytes.len().saturating_sub(2) {
        if bytes[index] == 0xED && bytes[index + 1] >= 0xA0 {
            bytes[index..index + 3].copy_from_slice("\u{FFFD}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        super::super::test_config()
    }

    fn refusal(json: &str) -> Rejection {
        read(json.as_bytes(), &config()).unwrap_err()
    }

    #[test]
    fn any_string_of_json_is_a_text() {
        let cases = [
            ("a lone leading surrogate", r#""\ud83d!""#, "\u{FFFD}!"),
            ("a lone trailing surrogate", r#""\ude00""#, "\u{FFFD}"),
            ("two leading ones before a pair", r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            ("a whole pair", r#""\ud83d\ude00""#, "😀"),
            ("a NUL", r#""a\u0000b""#, "a\0b"),
            ("directions", r#""\u202eabc\u2066""#, "\u{202e}abc\u{2066}"),
            ("a family with joiners", r#""👨‍👩‍👧""#, "👨‍👩‍👧"),
            ("nothing", r#""""#, ""),
        ];
        for (case, json, expected) in cases {
            let record = format!(r#"{{"id":"1","text":{json},"created_at":"now"}}"#);
            assert_eq!(read(record.as_bytes(), &config()).unwrap().text.0, expected, "{case}");
        }
    }

    #[test]
    fn fields_that_nobody_knows_are_passed_over() {
        let record =
            r#"{"id":"1","text":"x","likes":[{"deep":{"er":null}}],"media":[{"key":"m","bytes":"","w":3}]}"#;
        assert_eq!(read(record.as_bytes(), &config()).unwrap().media.unwrap().len(), 1);
    }

    #[test]
    fn a_fault_names_the_path_and_what_was_expected_and_found() {
        let cases = [
            ("", "not JSON: EOF"),
            ("hello", "not JSON: expected value at line 1 column 1"),
            (r#"{"id":"1","text":"x"} {}"#, "not JSON: something follows"),
            (r#"{"id":"1","text":"x""#, "not JSON: EOF"),
            ("[]", "found an array, expected an object"),
            ("3", "invalid type: integer `3`, expected an object"),
            (r#"{"text":"x"}"#, "missing field `id`"),
            (r#"{"id":"","text":"x"}"#, "`id` is empty"),
            (r#"{"id":7,"text":"x"}"#, "at `id`: invalid type: integer `7`, expected a string"),
            (r#"{"id":"1"}"#, "missing field `text`"),
            (r#"{"id":"1","text":["x"]}"#, "at `text`: invalid type: sequence, expected a string"),
            (r#"{"id":"1","text":"x","media":{}}"#, "at `media`: invalid type: map, expected a sequence"),
            (r#"{"id":"1","text":"x","media":[{"key":"a"},{"key":1}]}"#, "at `media[1].key`: invalid type"),
            (r#"{"id":"1","text":"x","media":[{"bytes":""}]}"#, "at `media[0]`: missing field `key`"),
            (
                r#"{"id":"1","text":"x","media":[{"key":"a"},{"key":"a"}]}"#,
                "`media[1].key`: `a` names an earlier",
            ),
        ];
        for (json, expected) in cases {
            let refusal = refusal(json);
            assert_eq!(refusal.class, RejectionClass::Malformed, "{json}");
            assert!(refusal.message.contains(expected), "{json}: {}", refusal.message);
        }
        assert!(read(b"{\"id\":\"\xff\"}", &config()).unwrap_err().message.contains("not UTF-8: byte 7"));
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let limits = Config { max_text: bytesize::ByteSize(4), max_media: 1, ..config() };
        let record = |text: &str, media: &str| format!(r#"{{"id":"1","text":"{text}","media":[{media}]}}"#);
        let class = |json: &str| read(json.as_bytes(), &limits).map(|_| ()).map_err(|refusal| refusal.class);
        assert_eq!(class(&record("1234", r#"{"key":"a"}"#)), Ok(()));
        assert_eq!(class(&record("12345", "")), Err(RejectionClass::TooLarge));
        assert_eq!(class(&record("", r#"{"key":"a"},{"key":"b"}"#)), Err(RejectionClass::TooLarge));
        let small = Config { max_record: bytesize::ByteSize(10), ..config() };
        assert_eq!(read(record("", "").as_bytes(), &small).unwrap_err().class, RejectionClass::TooLarge);
    }

    #[test]
    fn a_megabyte_in_the_wrong_place_is_not_quoted_whole() {
        let record = format!(r#"{{"id":"1","text":"x","media":"{}"}}"#, "é".repeat(100_000));
        assert!(refusal(&record).message.chars().count() < 500);
    }
}
