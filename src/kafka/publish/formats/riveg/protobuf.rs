//! The format `protobuf`: the objects of `riveg` as messages, in the wire format of a Schema Registry.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::super::{MaskForm, Shape};
use super::super::format::{EncodedRecord, Encoder, EncoderOptions, OutputFormat, OutputSchema};
use super::values;
use crate::common::registry::protobuf::{self, ProtobufSchema};
use crate::common::registry::wire::header;
use crate::common::registry::{CandidateSchema, SchemaType};

/// Protobuf.
pub(in super::super) const FORMAT: OutputFormat =
    OutputFormat { name: "protobuf", shapes: &[Shape::Post, Shape::Triple], encoder, schema: Some(schema) };

/// The published schemas.
const POST: &str = include_str!("../../../../../config/schemas/riveg.annotation.proto");
const TRIPLE: &str = include_str!("../../../../../config/schemas/riveg.triple.proto");

fn schema(shape: Shape) -> OutputSchema {
    let (schema, full_name, file) = match shape {
        Shape::Post => (POST, "riveg.Annotation", "riveg.annotation.proto"),
        Shape::Triple => (TRIPLE, "riveg.Triple", "riveg.triple.proto"),
    };
    OutputSchema { schema: CandidateSchema { schema_type: SchemaType::Protobuf, schema }, full_name, file }
}

fn encoder(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    let text = schema(options.shape).schema.schema;
    let compiled = ProtobufSchema::new(text, &BTreeMap::new())
        .unwrap_or_else(|fault| unreachable!("the schema of `protobuf` {fault}"));
    Encoder::new(move |annotated, times| {
        let record = |mut value| {
            if options.masks == MaskForm::Polygon {
                name_rings(&mut value);
            }
            let mut record = header(options.schema_id);
            if let Err(fault) = protobuf::append(&compiled, &value, &mut record) {
                unreachable!("an answer follows its schema: {fault}");
            }
            EncodedRecord::new("application/protobuf", record)
        };
        values(annotated, &options, times).into_iter().map(record).collect()
    })
}

/// Makes messages of the rings of masks: Protobuf has no lists of lists.
fn name_rings(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Array(rings) if name == "rings" => {
                        for ring in rings {
                            *ring = json!({ "points": ring.take() });
                        }
                    }
                    value => name_rings(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(name_rings),
        _ => {}
    }
}
