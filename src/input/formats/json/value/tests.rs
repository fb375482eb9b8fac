//! Values, members and elements are found as they were written.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Any value, a few lists deep.
pub(crate) fn values() -> impl Strategy<Value = Value> {
    let leaves = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        "\\PC{0,8}|[\"\\\\{}\\[\\],:\n\u{1}]{0,6}".prop_map(Value::from),
    ];
    leaves.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"\\\\\n{]{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn members_and_elements_are_those_of_any_other_reader(value in values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        let raw = JsonValue::of(&text);
        let read = |raw: JsonValue<'_>| serde_json::from_str::<Value>(raw.text()).unwrap();
        let members: Vec<(String, Value)> =
            raw.members().map(|(name, value)| (name.into_owned(), read(value))).collect();
        let elements: Vec<Value> = raw.elements().map(read).collect();
        let expected = |value: &Value| match value {
            Value::Object(members) => {
                (members.iter().map(|(name, value)| (name.clone(), value.clone())).collect(), Vec::new())
            }
            Value::Array(elements) => (Vec::new(), elements.clone()),
            _ => (Vec::new(), Vec::new()),
        };
        prop_assert_eq!((members, elements), expected(&value));
    }

    #[test]
    fn control_characters_as_they_are_are_read_as_their_escapes(text in "[a\"\\\\\u{0}-\u{1f}é]{0,12}", other: String) {
        let valid = serde_json::json!({ "a": text, "b": [other] }).to_string();
        let mut loose = valid.clone();
        for control in (0..0x20_u8).map(char::from) {
            let escape = serde_json::to_string(&control.to_string()).unwrap();
            // Not where the backslash belongs to the escape of another one.
            if !valid.contains("\\\\") {
                loose = loose.replace(escape.trim_matches('"'), &control.to_string());
            }
        }
        let strict = with_controls_escaped(&loose).unwrap_or(loose);
        prop_assert_eq!(serde_json::from_str::<Value>(&strict).ok(), serde_json::from_str::<Value>(&valid).ok());
    }
}

#[test]
fn values_are_given_as_they_were_written() {
    let text =
        " { \"a\" : 1.50 ,\"b\\u0063\":[ 1e2,\"]\\\"\" , {} ],\"d\":12345678901234567890123 ,\"e\":null}\n";
    let members: Vec<_> =
        JsonValue::of(text).members().map(|(name, value)| (name.into_owned(), value.text())).collect();
    let expected =
        [("a", "1.50"), ("bc", "[ 1e2,\"]\\\"\" , {} ]"), ("d", "12345678901234567890123"), ("e", "null")];
    assert_eq!(members, expected.map(|(name, value)| (name.to_owned(), value)));
    let elements: Vec<_> =
        JsonValue::of("[[1],\"a\",{\"b\":[]}, -2]").elements().map(JsonValue::text).collect();
    assert_eq!(elements, ["[1]", "\"a\"", "{\"b\":[]}", "-2"]);
}

#[test]
fn no_depth_is_too_deep() {
    let deep = format!("[{}{}, 7]", "[".repeat(500_000), "]".repeat(500_000));
    check(&deep).unwrap();
    assert_eq!(JsonValue::of(&deep).elements().last().unwrap().text(), "7");
}
