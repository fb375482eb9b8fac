//! Avro values: what they become, what the crate `apache-avro` makes of ours, and hostile ones.

use std::collections::BTreeMap;

use apache_avro::types::Value as AvroValue;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::common::registry::{DecodeFault, JsonLimits};

fn schema(text: &Value) -> AvroSchema {
    AvroSchema::new(&text.to_string(), &BTreeMap::new()).unwrap()
}

fn decoded(text: &Value, value: &[u8]) -> Result<Value, DecodeFault> {
    let json = to_json(&schema(text), value, JsonLimits::for_records_of(10_000))?;
    Ok(serde_json::from_slice(&json)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&json))))
}

/// The value as the crate `apache-avro` writes it.
fn written(text: &Value, value: AvroValue) -> Vec<u8> {
    let schema = apache_avro::Schema::parse(text).unwrap();
    apache_avro::writer::datum::GenericDatumWriter::builder(&schema)
        .build()
        .unwrap()
        .write_value_to_vec(value)
        .unwrap()
}

fn record(fields: &Value) -> Value {
    json!({ "type": "record", "name": "R", "fields": fields })
}

#[test]
fn each_type_becomes_the_json_that_feeds_are_written_in() {
    let logical = |name: &str, base: &str| json!({ "type": base, "logicalType": name });
    let decimal = json!({ "type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2 });
    let cases = [
        (json!("null"), AvroValue::Null, json!(null)),
        (json!("boolean"), AvroValue::Boolean(true), json!(true)),
        (json!("int"), AvroValue::Int(i32::MIN), json!(i32::MIN)),
        (json!("long"), AvroValue::Long(i64::MAX), json!(i64::MAX)),
        (json!("float"), AvroValue::Float(0.1), json!(0.1)),
        (json!("double"), AvroValue::Double(-1e300), json!(-1e300)),
        (json!("double"), AvroValue::Double(f64::NAN), json!("NaN")),
        (json!("float"), AvroValue::Float(f32::NEG_INFINITY), json!("-Infinity")),
        (json!("string"), AvroValue::String("\u{1}\"é火".to_owned()), json!("\u{1}\"é火")),
        (json!("bytes"), AvroValue::Bytes(vec![1, 2, 255]), json!("AQL/")),
        (json!({ "type": "fixed", "name": "F", "size": 2 }), AvroValue::Fixed(2, vec![0, 1]), json!("AAE=")),
        (
            json!({ "type": "enum", "name": "E", "symbols": ["A", "B"] }),
            AvroValue::Enum(1, "B".to_owned()),
            json!("B"),
        ),
        (logical("date", "int"), AvroValue::Date(19_782), json!("2024-02-29")),
        (logical("time-millis", "int"), AvroValue::TimeMillis(1), json!("00:00:00.001")),
        (
            logical("timestamp-millis", "long"),
            AvroValue::TimestampMillis(1_709_164_800_001),
            json!("2024-02-29T00:00:00.001Z"),
        ),
        (
            logical("timestamp-micros", "long"),
            AvroValue::TimestampMicros(1),
            json!("1970-01-01T00:00:00.000001Z"),
        ),
        (
            logical("local-timestamp-millis", "long"),
            AvroValue::LocalTimestampMillis(0),
            json!("1970-01-01T00:00:00.000"),
        ),
        (decimal, AvroValue::Decimal(vec![0x04, 0xd2].into()), json!(12.34)),
        (
            json!({ "type": "array", "items": ["null", "long"] }),
            AvroValue::Array(vec![
                AvroValue::Union(0, AvroValue::Null.into()),
                AvroValue::Union(1, AvroValue::Long(7).into()),
            ]),
            json!([null, 7]),
        ),
        (
            json!({ "type": "map", "values": "int" }),
            AvroValue::Map([("a\"".to_owned(), AvroValue::Int(1))].into()),
            json!({ "a\"": 1 }),
        ),
    ];
    for (text, value, expected) in cases {
        let bytes = written(&text, value);
        assert_eq!(decoded(&text, &bytes), Ok(expected), "{text}");
    }
}

#[test]
fn a_record_may_contain_itself_and_refer_to_other_schemas() {
    let own = record(&json!([{ "name": "n", "type": "int" }, { "name": "next", "type": ["null", "R"] }]));
    assert_eq!(decoded(&own, &[2, 2, 4, 0]), Ok(json!({ "n": 1, "next": { "n": 2, "next": null } })));
    let author =
        json!({ "type": "record", "name": "feed.Author", "fields": [{ "name": "name", "type": "string" }] });
    let post = record(&json!([{ "name": "by", "type": "feed.Author" }]));
    let references = BTreeMap::from([("feed.Author".to_owned(), author.to_string())]);
    let schema = AvroSchema::new(&post.to_string(), &references).unwrap();
    let json = to_json(&schema, &[4, b'a', b'b'], JsonLimits::for_records_of(100)).unwrap();
    assert_eq!(json, br#"{"by":{"name":"ab"}}"#);
    let lonely = AvroSchema::new(&post.to_string(), &BTreeMap::new()).unwrap_err();
    assert!(lonely.contains("feed.Author"), "{lonely}");
}

#[test]
fn lists_come_in_blocks_with_and_without_their_bytes() {
    let list = json!({ "type": "array", "items": "int" });
    // Two, then minus one with its bytes, then the end.
    assert_eq!(decoded(&list, &[4, 2, 4, 1, 2, 6, 0]), Ok(json!([1, 2, 3])));
    let map = json!({ "type": "map", "values": "null" });
    assert_eq!(decoded(&map, &[1, 4, 2, b'a', 0]), Ok(json!({ "a": null })));
}

#[test]
fn damaged_values_are_told_with_their_place() {
    let posts = record(&json!([
        { "name": "id", "type": "string" },
        { "name": "media", "type": { "type": "array", "items": { "type": "record", "name": "M", "fields": [
            { "name": "url", "type": ["null", "string"] }, { "name": "ok", "type": "boolean" },
        ] } } },
    ]));
    let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let with = |bytes: &[u8]| [&[2, b'a', 2][..], bytes].concat();
    for (bytes, expected) in [
        (vec![], "at `id`, byte 0: 1 bytes should follow, and 0 do"),
        (vec![4, b'a'], "at `id`, byte 1: 2 bytes should follow, and 1 do"),
        (huge.to_vec(), "at `id`, byte 10: 9223372036854775807 bytes should follow, and 0 do"),
        (vec![3, b'a'], "at `id`, byte 1: -2 is no length"),
        (vec![4, 0xc3, 0x28], "at `id`, byte 3: a string is not UTF-8: byte 0 begins no character"),
        (with(&[4]), "at `media[0].url`, byte 4: 2 is no type of its union"),
        (with(&[0, 2]), "at `media[0].ok`, byte 5: the byte 2 is no `boolean`"),
        (with(&[0, 1, 0, 9]), "byte 6: 1 bytes follow the value"),
        (vec![0xff; 11], "at `id`, byte 10: a number has more than 10 bytes"),
    ] {
        let fault = decoded(&posts, &bytes).unwrap_err();
        assert_eq!((fault.to_string().as_str(), fault.is_limit()), (expected, false));
    }
}

#[test]
fn values_that_claim_or_nest_too_much_end_at_the_limits() {
    // 2^60 nulls take no byte; neither do records without fields, nor a record that contains itself.
    let count = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    let empty = json!({ "type": "record", "name": "E", "fields": [] });
    for items in [json!("null"), empty] {
        let fault = decoded(&json!({ "type": "array", "items": items }), &count).unwrap_err();
        assert!(fault.is_limit() && fault.to_string().contains("more than 40000 bytes"), "{fault}");
    }
    let own = record(&json!([{ "name": "r", "type": "R" }]));
    let fault = decoded(&own, &[]).unwrap_err();
    assert!(fault.is_limit() && fault.to_string().contains("deeper than 100"), "{fault}");
    let long = [&[0x80, 0xe2, 9][..], &[7; 80_000]].concat();
    let fault = decoded(&json!("bytes"), &long).unwrap_err();
    assert!(fault.is_limit(), "{fault}");
}

#[test]
fn what_is_no_schema_is_told() {
    for (text, part) in [
        ("{", "is no schema of Avro"),
        (r#"{"type":"record","name":"R","fields":[{"name":"a","type":"X"}]}"#, "X"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "is no schema of Avro"),
        (&"[".repeat(100_000), "is no schema of Avro"),
        (
            &format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(1000), "}".repeat(1000)),
            "is no schema of Avro",
        ),
    ] {
        let fault = AvroSchema::new(text, &BTreeMap::new()).unwrap_err();
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn json_that_does_not_fit_its_schema_is_told_with_its_place() {
    let schema = schema(&record(&json!([
        { "name": "a", "type": ["null", "string"] },
        { "name": "b", "type": { "type": "array", "items": "int" } },
        { "name": "c", "type": "boolean" },
    ])));
    let mut out = Vec::new();
    append(&schema, &json!({}), &mut out).unwrap();
    assert_eq!(out, [0, 0, 0], "null, an empty list, false");
    for (value, expected) in [
        (json!({ "d": 1 }), ".d: no field of the schema"),
        (json!({ "b": [1, 3_000_000_000_u64] }), ".b[1]: `3000000000` is no int"),
        (json!({ "a": 1 }), ".a: `1` is not of the type of its field, or of a type that is not written"),
    ] {
        assert_eq!(append(&schema, &value, &mut out).unwrap_err().to_string(), expected);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        text in ".{0,20}",
        number: i64,
        double in proptest::num::f64::NORMAL,
        list in proptest::collection::vec(any::<i32>(), 0..5),
        truth: bool,
        bytes: Vec<u8>,
        millis in 0_i64..200_000_000_000_000,
    ) {
        let schema = schema(&record(&json!([
            { "name": "text", "type": ["null", "string"] },
            { "name": "number", "type": "long" },
            { "name": "double", "type": "double" },
            { "name": "list", "type": { "type": "array", "items": "int" } },
            { "name": "truth", "type": "boolean" },
            { "name": "bytes", "type": ["null", "bytes"] },
            { "name": "at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
        ])));
        let at = super::logical::timestamp(millis, super::schema::Unit::Millis, true).unwrap();
        let encoded = ::base64::Engine::encode(&::base64::engine::general_purpose::STANDARD, &bytes);
        let value = json!({
            "text": text, "number": number, "double": double, "list": list, "truth": truth, "bytes": encoded, "at": at,
        });
        let mut out = Vec::new();
        append(&schema, &value, &mut out).unwrap();
        let json = to_json(&schema, &out, JsonLimits::for_records_of(10_000)).unwrap();
        // Text of a number is read to within its last digit, so both sides are read from text.
        let read = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        prop_assert_eq!(read(&json), read(&serde_json::to_vec(&value).unwrap()));
    }
}
