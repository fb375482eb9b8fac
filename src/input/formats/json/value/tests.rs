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

/// The texts of a value and of all within it.
fn parts_of_all(value: JsonValue<'_>) -> Vec<&str> {
    let inner = value.members().map(|(_, value)| value).chain(value.elements());
    std::iter::once(value.text()).chain(inner.flat_map(parts_of_all)).collect()
}

proptest! {
    #[test]
    fn members_and_elements_are_those_of_any_other_reader(value in values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        let index = JsonIndex::of(&text);
        let raw = JsonValue::of(&text).indexed(&index);
        prop_assert_eq!(parts_of_all(raw), parts_of_all(JsonValue::of(&text)));
        let read = |raw: JsonValue<'_>| serde_json::from_str::<Value>(raw.text()).unwrap();
        let members: Vec<(String, Value)> =
            raw.members().map(|(name, value)| (name.into_owned(), read(value))).collect();
        for (quoted, name) in raw.quoted_members().zip(members.iter().map(|(name, _)| name)) {
            let is_plain = !name.contains(['"', '\\', '\n']);
            prop_assert!(!is_plain || quoted.0.is_name(name));
            let longer = name.clone() + "a";
            prop_assert!(!quoted.0.is_name(&longer) && !quoted.0.is_name("aaaa"));
        }
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
    let (escaped, _) = JsonValue::of(text).quoted_members().nth(1).unwrap();
    assert!(escaped.is_name("bc") && !escaped.is_name("bd") && !escaped.is_name("b"));
    let elements: Vec<_> =
        JsonValue::of("[[1],\"a\",{\"b\":[]}, -2]").elements().map(JsonValue::text).collect();
    assert_eq!(elements, ["[1]", "\"a\"", "{\"b\":[]}", "-2"]);
}

#[test]
fn no_depth_is_too_deep() {
    let deep = format!("[{}{}, 7]", "[".repeat(500_000), "]".repeat(500_000));
    check(&deep).unwrap();
    let index = JsonIndex::of(&deep);
    for value in [JsonValue::of(&deep), JsonValue::of(&deep).indexed(&index)] {
        assert_eq!(value.elements().last().unwrap().text(), "7");
    }
}

#[test]
fn values_behind_the_end_of_an_index_are_found_too() {
    let many = "{\"a\":[1,{\"b\":2}],\"c\":\"]\"},".repeat(5_000);
    let text = format!("[[{many}[[3]]],[{many}[[4]]], 5]");
    let index = JsonIndex::of(&text);
    assert!(index.values().len() < 5_000 * 8, "the index ends within the first list");
    let indexed = JsonValue::of(&text).indexed(&index);
    assert_eq!(parts_of_all(indexed), parts_of_all(JsonValue::of(&text)));
    assert_eq!(indexed.elements().last().unwrap().text(), "5");
}
