//! The format `avro`: the objects of `riveg` as binary Avro, in the wire format of a Schema Registry.

use std::collections::BTreeMap;

use super::super::super::Shape;
use super::super::format::{EncodedRecord, Encoder, EncoderOptions, OutputFormat, OutputSchema};
use super::values;
use crate::common::registry::avro::{self, AvroSchema};
use crate::common::registry::wire::header;
use crate::common::registry::{CandidateSchema, SchemaType};

/// Avro.
pub(in super::super) const FORMAT: OutputFormat =
    OutputFormat { name: "avro", shapes: &[Shape::Post, Shape::Triple], encoder, schema: Some(schema) };

/// The published schemas.
const POST: &str = include_str!("../../../../../config/schemas/riveg.annotation.avsc");
const TRIPLE: &str = include_str!("../../../../../config/schemas/riveg.triple.avsc");

fn schema(shape: Shape) -> OutputSchema {
    let (schema, full_name, file) = match shape {
        Shape::Post => (POST, "riveg.Annotation", "riveg.annotation.avsc"),
        Shape::Triple => (TRIPLE, "riveg.Triple", "riveg.triple.avsc"),
    };
    OutputSchema { schema: CandidateSchema { schema_type: SchemaType::Avro, schema }, full_name, file }
}

fn encoder(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    let text = schema(options.shape).schema.schema;
    let avro_schema = AvroSchema::new(text, &BTreeMap::new())
        .unwrap_or_else(|fault| unreachable!("the schema of `avro` {fault}"));
    Encoder::new(move |annotated, times| {
        let record = |value| {
            let mut record = header(options.schema_id);
            if let Err(fault) = avro::append(&avro_schema, &value, &mut record) {
                unreachable!("an answer follows its schema: {fault}");
            }
            EncodedRecord::new("application/avro", record)
        };
        values(annotated, &options, times).into_iter().map(record).collect()
    })
}
