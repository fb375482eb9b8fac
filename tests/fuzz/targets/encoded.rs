//! Targets of encodings with a schema: the wire format, and values of Avro and Protobuf, become valid JSON within the
//! limits or are refused.

use std::collections::BTreeMap;

use riveg::common::registry::avro::{self, AvroSchema};
use riveg::common::registry::protobuf::{self, ProtobufSchema};
use riveg::common::registry::{DecodeFault, JsonLimits, wire};
use serde::de::IgnoredAny;

/// A low limit, so that values that claim too much end soon.
const MAX_RECORD: u64 = 64 * 1024;

/// Messages of every kind of field.
const FILE: &str = r#"
    syntax = "proto3";
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/any.proto";
    message Post {
      enum Kind { PLAIN = 0; REPLY = 1; }
      message Medium { string key = 1; bytes bytes = 2; repeated float box = 3; }
      string id = 1;
      optional string text = 2;
      google.protobuf.Timestamp created_at = 3;
      repeated Medium media = 4;
      map<string, int64> counts = 5;
      Kind kind = 6;
      Post quoted = 7;
      repeated sint32 numbers = 8;
      oneof author { string name = 9; uint64 number = 10; }
      google.protobuf.Struct more = 11;
      google.protobuf.Any any = 12;
      double score = 13;
      fixed64 fixed = 14;
    }"#;

thread_local! {
    static COMPILED: ProtobufSchema = ProtobufSchema::new(FILE, &BTreeMap::new()).expect("the file is one");
}

/// A schema of Avro, a byte of zero, and a value in the wire format.
pub fn avro(input: &[u8]) {
    let Some(end) = input.iter().position(|byte| *byte == 0) else { return };
    let (text, value) = input.split_at(end);
    let Ok(framed) = wire::framed(value).inspect_err(|fault| super::assert_sayable(fault)) else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(schema) = AvroSchema::new(text, &BTreeMap::new()) else { return };
    let limits = JsonLimits::for_records_of(MAX_RECORD);
    assert_json(avro::to_json(&schema, framed.body, limits), limits);
}

/// A message of a file of Protobuf, in the wire format.
pub fn protobuf(input: &[u8]) {
    let Ok(framed) = wire::framed(input).inspect_err(|fault| super::assert_sayable(fault)) else { return };
    let limits = JsonLimits::for_records_of(MAX_RECORD);
    COMPILED.with(|schema| assert_json(protobuf::to_json(schema, framed.body, limits), limits));
}

fn assert_json(read: Result<Vec<u8>, DecodeFault>, limits: JsonLimits) {
    match read {
        Ok(json) => {
            assert!(json.len() <= 2 * limits.max_bytes(), "{} bytes of JSON", json.len());
            if let Err(fault) = serde_json::from_slice::<IgnoredAny>(&json) {
                panic!("{fault}: {}", String::from_utf8_lossy(&json));
            }
        }
        Err(fault) => assert!(!fault.to_string().is_empty() && fault.to_string().len() < 4000, "{fault}"),
    }
}
