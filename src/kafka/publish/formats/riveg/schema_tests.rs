//! The formats `avro` and `protobuf`: they say what the JSON says, other programs read them, and they may evolve.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::tests::{annotated, times};
use super::*;
use crate::common::registry::avro::{self, AvroSchema};
use crate::common::registry::wire::{HEADER_BYTES, framed};
use crate::common::registry::{JsonLimits, Schema as AnySchema, SchemaType, protobuf::ProtobufSchema};
use crate::domain::{DegradedCode, RawJson};
use crate::kafka::publish::{BoxUnit, Include, MaskForm, Provenance};

const ALL_FIELDS: [Include; 5] =
    [Include::CreatedAt, Include::Lang, Include::Author, Include::Text, Include::Media];

fn rich() -> Annotated {
    let mut annotated = annotated();
    let raw = |json: &str| Some(RawJson::new(json.to_owned()));
    annotated.post.text = "🏀 CP3 \"in\" Zürich".to_owned();
    annotated.post.created_at = raw("\"2026-01-01\"");
    annotated.post.lang = raw("[\"de\",\"en\"]");
    annotated.post.author = raw("12345678901234567890");
    annotated.post.addresses = vec![("a".to_owned(), "https://a.example/a.jpg".to_owned())];
    annotated.annotation.triples[0].iri = Some("http://www.wikidata.org/entity/Q1".into());
    annotated.annotation.triples[0].verdicts[1].dropped_box_score = Some(0.25);
    annotated.annotation.degraded.push(DegradedCode::NotExpanded.because("no expansions"));
    annotated
}

fn options(shape: Shape, masks: MaskForm, boxes: BoxUnit) -> EncoderOptions {
    let provenance = Provenance { engine: "0.1.0".to_owned(), bundle: "c0ffee".to_owned() };
    let include = ALL_FIELDS.to_vec();
    EncoderOptions { include, shape, masks, boxes, schema_id: 258, ..EncoderOptions::plain(provenance) }
}

fn all_options() -> Vec<EncoderOptions> {
    let mut all = Vec::new();
    for shape in [Shape::Post, Shape::Triple] {
        for masks in [MaskForm::Coco, MaskForm::Png, MaskForm::Polygon, MaskForm::None] {
            all.extend([BoxUnit::Pixels, BoxUnit::Relative].map(|boxes| options(shape, masks, boxes)));
        }
    }
    all
}

fn records(format: OutputFormat, options: &EncoderOptions, annotated: &Annotated) -> Vec<Bytes> {
    (format.encoder)(options).encode(annotated, times()).into_iter().map(|record| record.value).collect()
}

fn schema_of(format: OutputFormat, shape: Shape) -> AnySchema {
    let schema = (format.schema.unwrap())(shape).schema;
    match schema.schema_type {
        SchemaType::Avro => AnySchema::Avro(AvroSchema::new(schema.schema, &BTreeMap::new()).unwrap()),
        _ => AnySchema::Protobuf(ProtobufSchema::new(schema.schema, &BTreeMap::new()).unwrap()),
    }
}

/// What a value says: without what means nothing, rings as lists, times with as few digits as they need, and the
/// repeated fields as texts.
fn said(value: Value) -> Value {
    let is_something = |value: &Value| {
        !matches!(value, Value::Null | Value::Bool(false))
            && *value != json!([])
            && *value != json!("")
            && value.as_f64() != Some(0.0)
    };
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let is_repeated = ["lang", "author", "post_lang", "post_author"].contains(&name.as_str());
                let value =
                    if is_repeated && !value.is_string() { Value::from(value.to_string()) } else { value };
                (name, said(value))
            });
            let members: Map<String, Value> = members.filter(|(_, value)| is_something(value)).collect();
            match members.get("points") {
                Some(points) => points.clone(),
                None => Value::Object(members),
            }
        }
        Value::Array(values) => values.into_iter().map(said).collect(),
        Value::String(text) => Value::from(text.replace(".000Z", "Z")),
        // Protobuf knows no difference between 1 and 1.0.
        Value::Number(number) => json!(number.as_f64()),
        other => other,
    }
}

#[test]
fn records_with_a_schema_say_what_the_json_says() {
    let annotated = rich();
    for options in all_options() {
        let json: Vec<Value> = records(FORMAT, &options, &annotated)
            .iter()
            .map(|record| said(serde_json::from_slice(record).unwrap()))
            .collect();
        for format in [AVRO, PROTOBUF] {
            let schema = schema_of(format, options.shape);
            let decoded = records(format, &options, &annotated).into_iter().map(|record| {
                assert_eq!(framed(&record).unwrap().id, 258);
                let json = schema.to_json(&record.slice(HEADER_BYTES..), JsonLimits::for_records_of(100_000));
                said(serde_json::from_slice(&json.unwrap()).unwrap())
            });
            assert_eq!(decoded.collect::<Vec<_>>(), json, "{} {options:?}", format.name);
        }
    }
}

#[test]
fn an_answer_of_avro_is_read_again_as_an_answer() {
    let annotated = rich();
    let options = options(Shape::Post, MaskForm::Coco, BoxUnit::Pixels);
    for format in [AVRO, PROTOBUF] {
        let record = records(format, &options, &annotated).remove(0);
        let json = schema_of(format, Shape::Post)
            .to_json(&record.slice(HEADER_BYTES..), JsonLimits::for_records_of(100_000).with_defaults())
            .unwrap();
        let read =
            reader::read(&json).unwrap_or_else(|fault| panic!("{fault}: {}", String::from_utf8_lossy(&json)));
        assert_eq!(read.annotated.annotation.degraded, annotated.annotation.degraded);
        assert_eq!(
            read.annotated.annotation.triples[0].regions[0].mask,
            annotated.annotation.triples[0].regions[0].mask
        );
    }
}

/// The schema with a further field that has a default in each of its records.
fn later(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(later);
            if let Some(Value::Array(fields)) = members.get_mut("fields") {
                fields.push(json!({ "name": "later", "type": ["null", "string"], "default": null }));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(later),
        _ => {}
    }
}

#[test]
fn a_reader_of_this_version_reads_the_next_and_the_next_reads_this() {
    for shape in [Shape::Post, Shape::Triple] {
        let text = (AVRO.schema.unwrap())(shape).schema.schema;
        let now = Schema::parse_str(text).unwrap();
        let mut later_text: Value = serde_json::from_str(text).unwrap();
        later(&mut later_text);
        let next = Schema::parse(&later_text).unwrap();
        let next_writer = AvroSchema::new(&later_text.to_string(), &BTreeMap::new()).unwrap();
        let options = options(shape, MaskForm::Coco, BoxUnit::Pixels);
        let values = values(&rich(), &options, times());
        let mut value = values.into_iter().next().unwrap();
        let old = records(AVRO, &options, &rich()).remove(0).slice(HEADER_BYTES..);
        value["later"] = json!("of 1.1");
        let mut new = Vec::new();
        avro::append(&next_writer, &value, &mut new).unwrap();
        let read = |writer: &Schema, bytes: &[u8], reader: &Schema| {
            let by = GenericDatumReader::builder(writer).reader_schema(reader).build().unwrap();
            let read = by.read_value(&mut &*bytes).unwrap();
            let apache_avro::types::Value::Record(fields) = read else { panic!("it is a record") };
            fields.into_iter().collect::<BTreeMap<_, _>>()
        };
        let by_old = read(&next, &new, &now);
        assert_eq!(by_old, read(&now, &old, &now), "what is new is passed over");
        let by_new = read(&now, &old, &next);
        assert_eq!(by_new.len(), by_old.len() + 1);
    }
}
