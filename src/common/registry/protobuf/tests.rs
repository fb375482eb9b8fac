//! Protobuf messages: what they become, and hostile ones.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::common::registry::{DecodeFault, JsonLimits};

const POST: &str = r#"
    syntax = "proto3";
    package feed;
    import "google/protobuf/timestamp.proto";
    import "feed/author.proto";
    message Other {}
    message Post {
      message Medium { string key = 1; bytes bytes = 2; }
      string id = 1;
      optional string text = 2;
      google.protobuf.Timestamp created_at = 3;
      Author author = 4;
      repeated Medium media = 5;
      int64 likes = 6;
      map<string, int32> tags = 7;
      enum Kind { PLAIN = 0; REPLY = 1; }
      Kind kind = 8;
      repeated int32 numbers = 9;
      Post quoted = 10;
    }"#;

fn schema() -> ProtobufSchema {
    let author = r#"syntax = "proto3"; package feed; message Author { string name = 1; }"#;
    ProtobufSchema::new(POST, &BTreeMap::from([("feed/author.proto".to_owned(), author.to_owned())])).unwrap()
}

fn decoded(body: &[u8]) -> Result<Value, DecodeFault> {
    to_json(&schema(), body, JsonLimits::for_records_of(100_000))
        .map(|json| serde_json::from_slice(&json).unwrap())
}

/// The place of `Post`, the second message.
const SECOND: [u8; 2] = [2, 2];

#[test]
fn a_message_becomes_its_canonical_json_with_the_names_of_its_file() {
    let value = json!({
        "id": "1", "text": "", "created_at": "2024-02-29T00:00:00.001Z", "author": { "name": "Ada" },
        "media": [{ "key": "a", "bytes": "AQL/" }], "likes": "9007199254740993", "tags": { "a": 1 }, "kind": "REPLY",
        "numbers": [1, -2],
    });
    let descriptor = schema().message(&[1]).unwrap();
    let message = prost_reflect::DynamicMessage::deserialize(descriptor, &value).unwrap();
    let bytes = prost_reflect::prost::Message::encode_to_vec(&message);
    assert_eq!(decoded(&[&SECOND[..], &bytes].concat()), Ok(value));
    assert_eq!(decoded(&[4, 2, 0, 0x0a, 1, b'k']), Ok(json!({ "key": "k" })), "a message within the second");
    assert_eq!(decoded(&[0]), Ok(json!({})), "the first message");
    let missing = decoded(&[2, 8]).unwrap_err();
    assert_eq!(missing.to_string(), "the schema has no message at the place [4]");
}

#[test]
fn hostile_messages_end_at_the_limits() {
    let nested = |depth: usize| {
        let mut message: Vec<u8> = Vec::new();
        for _ in 0..depth {
            // The field 10 with its length.
            let mut length = message.len();
            let mut outer = vec![0x52];
            while length >= 0x80 {
                outer.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            outer.push(length as u8);
            outer.extend_from_slice(&message);
            message = outer;
        }
        [&SECOND[..], &message].concat()
    };
    decoded(&nested(20)).unwrap();
    let groups = [&SECOND[..], &[0xf3, 0x01].repeat(10_000), &[0xf4, 0x01].repeat(10_000)].concat();
    // A list of 300,000 small numbers in one field, and as many fields that the schema does not know.
    let packed = [&SECOND[..], &[0x4a, 0xe0, 0xa7, 0x12], &[1; 300_000]].concat();
    let unknown = [&SECOND[..], &[0xf0, 0x01, 1].repeat(300_000)].concat();
    for (body, part) in [
        (nested(10_000), "nest deeper than 100"),
        (groups, "nest deeper than 100"),
        (packed, "more than 200000 values"),
        (unknown, "more than 200000 values"),
    ] {
        let fault = decoded(&body).unwrap_err();
        assert!(fault.is_limit() && fault.to_string().contains(part), "{fault}");
    }
    let limits = JsonLimits::for_records_of(10);
    let long = [&SECOND[..], &[0x0a, 100], &[b'a'; 100]].concat();
    let fault = to_json(&schema(), &long, limits).unwrap_err();
    assert!(fault.is_limit() && fault.to_string().contains("more than 40 bytes"), "{fault}");
}

#[test]
fn damaged_messages_are_told() {
    for body in [
        &[][..],
        &[2],
        &[2, 2, 0x0a],
        &[2, 2, 0x0a, 5, b'a'],
        &[2, 2, 0x0a, 1, 0xff],
        &[2, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        let fault = decoded(body).unwrap_err();
        assert!(!fault.is_limit() && !fault.to_string().is_empty(), "{body:?}: {fault}");
    }
}

#[test]
fn what_is_no_schema_is_told() {
    let nested = format!("syntax = \"proto3\"; {}{}", "message A {".repeat(10_000), "}".repeat(10_000));
    let brackets = format!("syntax = \"proto3\"; message A {{ string a = 1 [(b) = {}", "{a:".repeat(100_000));
    for (text, part) in [
        ("{", "is no file of Protobuf"),
        (POST, "author.proto"),
        (nested.as_str(), "nest"),
        (brackets.as_str(), "nest"),
        ("syntax = \"proto3\"; import \"schema.proto\"; message A {}", "is no file of Protobuf"),
    ] {
        let fault = ProtobufSchema::new(text, &BTreeMap::new()).unwrap_err();
        assert!(fault.contains(part), "{fault}");
    }
}

const ALL_KINDS: &str = r#"
    syntax = "proto3";
    import "google/protobuf/timestamp.proto";
    message All {
      repeated All inner = 19;
      All only = 2;
      string text = 3;
      optional string may_text = 4;
      bytes bytes = 5;
      bool truth = 6;
      optional bool may_truth = 7;
      double number = 8;
      optional double may_number = 9;
      int32 small = 10;
      uint32 count = 11;
      optional uint32 may_count = 12;
      int64 large = 13;
      uint64 largest = 14;
      google.protobuf.Timestamp moment = 15;
      repeated double numbers = 16;
      repeated uint32 counts = 17;
      repeated string texts = 18;
    }"#;

fn members() -> impl Strategy<Value = Value> {
    fn named(
        name: &'static str,
        value: impl Strategy<Value = Value> + 'static,
    ) -> BoxedStrategy<(String, Value)> {
        value.prop_map(move |value| (name.to_owned(), value)).boxed()
    }
    fn text() -> impl Strategy<Value = Value> {
        "\\PC{0,5}".prop_map(Value::from)
    }
    fn number() -> impl Strategy<Value = Value> {
        (-8..8_i32).prop_map(|quarters| Value::from(f64::from(quarters) / 4.0))
    }
    fn count() -> impl Strategy<Value = Value> {
        prop_oneof![Just(0_u32), any::<u32>()].prop_map(Value::from)
    }
    fn several(value: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
        prop::collection::vec(value, 0..3).prop_map(Value::from)
    }
    fn one() -> impl Strategy<Value = (String, Value)> {
        prop_oneof![
            named("text", text()),
            named("may_text", text()),
            named("bytes", prop_oneof![Just(""), Just("AQL/")].prop_map(Value::from)),
            named("truth", any::<bool>().prop_map(Value::from)),
            named("may_truth", prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from)]),
            named("number", number()),
            named("mayNumber", number()),
            named("small", prop_oneof![Just(0_i32), any::<i32>()].prop_map(Value::from)),
            named("count", count()),
            named("may_count", count()),
            named("large", prop_oneof![Just(0_i64), any::<i64>()].prop_map(Value::from)),
            named("largest", prop_oneof![Just(0_u64), any::<u64>()].prop_map(Value::from)),
            named(
                "moment",
                prop_oneof![Just("2024-02-29T00:00:00.001Z"), Just("1970-01-01T00:00:00Z")]
                    .prop_map(Value::from)
            ),
            named("numbers", several(number().boxed())),
            named("counts", several(count().boxed())),
            named("texts", several(text().boxed())),
        ]
    }
    let leaf = prop::collection::vec(one(), 0..6).prop_map(|members| Value::Object(Map::from_iter(members)));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let member =
            prop_oneof![one(), named("only", inner.clone()), named("inner", several(inner.boxed())),];
        prop::collection::vec(member, 0..6).prop_map(|members| Value::Object(Map::from_iter(members)))
    })
}

proptest! {
    #[test]
    fn messages_are_written_as_any_other_writer_writes_them(value in members()) {
        let schema = ProtobufSchema::new(ALL_KINDS, &BTreeMap::new()).unwrap();
        let message = prost_reflect::DynamicMessage::deserialize(schema.message(&[0]).unwrap(), &value).unwrap();
        let mut written = Vec::new();
        append(&schema, &value, &mut written).unwrap();
        prop_assert_eq!(written.split_off(1), prost_reflect::prost::Message::encode_to_vec(&message));
        prop_assert_eq!(written, [0]);
    }
}

#[test]
fn what_does_not_fit_its_schema_is_told_with_its_place() {
    let schema = ProtobufSchema::new(ALL_KINDS, &BTreeMap::new()).unwrap();
    for (value, expected) in [
        (
            json!({ "only": { "text": 7 } }),
            ".only.text: `7` is not of the type of its field, or of a type that is not written",
        ),
        (json!({ "inner": [{ "count": -1 }] }), ".inner.count: `-1` is no uint32"),
        (json!({ "counts": 1 }), ".counts: `1` is no list"),
        (json!({ "moment": "noon" }), ".moment: `\"noon\"` is no time"),
        (json!({ "bytes": "*" }), ".bytes: `\"*\"` is no Base64"),
        (json!({ "only": { "other": 1 } }), ".only.other: no field of the schema"),
    ] {
        assert_eq!(append(&schema, &value, &mut Vec::new()).unwrap_err(), expected);
    }
}
