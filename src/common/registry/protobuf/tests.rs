//! Protobuf messages: what they become, and hostile ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

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
