//! JSON values that the engine repeats in its output without reading them.

use std::str::from_utf8;

use crate::domain::RawJson;

use super::value::JsonValue;

/// The deepest nesting of a repeated value: JSON readers allow 100 levels and more, and the output adds one.
pub(crate) const MAX_DEPTH: usize = 64;

/// The value with its numbers, escapes and order unchanged, on one line; none where it nests too deep. Half of a
/// surrogate pair becomes U+FFFD, since many readers refuse a record that contains one.
pub(crate) fn verbatim(raw: JsonValue<'_>) -> Option<RawJson> {
    let text = raw.text();
    let bytes = text.as_bytes();
    let mut json = String::with_capacity(text.len());
    let (mut at, mut depth, mut in_string) = (0, 0_usize, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if in_string => {
                at += escape(&bytes[at..], &mut json);
                continue;
            }
            b'"' => in_string = !in_string,
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => {
                at += 1;
                continue;
            }
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
            }
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        let end = at + text.get(at..)?.chars().next()?.len_utf8();
        json.push_str(text.get(at..end)?);
        at = end;
    }
    Some(RawJson::new(json))
}

/// Writes the escape that begins here, and returns its length.
fn escape(bytes: &[u8], json: &mut String) -> usize {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(from_utf8(digits).ok()?, 16).ok()
    };
    let mut copy = |length: usize| {
        json.push_str(bytes.get(..length).and_then(|piece| from_utf8(piece).ok()).unwrap_or_default());
        length
    };
    match (unit(0), unit(6)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => copy(12),
        (Some(0xD800..=0xDFFF), _) => {
            json.push_str("\\ufffd");
            6
        }
        (Some(_), _) => copy(6),
        (None, _) => copy(2),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::value::tests::values;
    use super::*;

    fn json(text: &str) -> Option<String> {
        verbatim(JsonValue::of(text)).map(|carried| carried.json().to_owned())
    }

    #[test]
    fn nothing_changes_but_white_space_and_halves_of_pairs() {
        let cases = [
            (
                " { \"b\" : 1.50,\n\t\"a\": [ 12345678901234567890123 , \"x y\" ] } ",
                r#"{"b":1.50,"a":[12345678901234567890123,"x y"]}"#,
            ),
            (r#""a \" [ \\""#, r#""a \" [ \\""#),
            (r#""😀\ud83d\ude00 \ud83d! \ude00\ud83d""#, r#""😀\ud83d\ude00 \ufffd! \ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00 \ud7ff""#, r#""\ufffd\ud83d\ude00 \ud7ff""#),
            ("1700000000", "1700000000"),
            ("null", "null"),
        ];
        for (text, expected) in cases {
            assert_eq!(json(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_value_that_nests_too_deep_for_readers_is_not_repeated() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(json(&nested(MAX_DEPTH)), Some(nested(MAX_DEPTH)));
        assert_eq!(json(&nested(MAX_DEPTH + 1)), None);
        assert_eq!(json(&format!("[{}]", vec!["[]"; 100].join(","))).map(|json| json.len()), Some(301));
    }

    proptest! {
        #[test]
        fn any_value_is_repeated_as_the_same_value(value in values()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let json = json(&pretty).unwrap();
            prop_assert!(!json.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        }
    }
}
