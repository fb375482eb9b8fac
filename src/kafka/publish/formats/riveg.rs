//! The format `riveg`: JSON with rounded numbers and fields in a fixed order, one object for each post or for each triple;
//! the formats `avro` and `protobuf` write the same objects.

mod avro;
mod mask;
mod mask_png;
mod post;
mod protobuf;
pub mod reader;
mod triple;
mod wire;

use serde_json::Value;

use super::super::{Annotated, Shape};
use super::format::{AnswerTimes, EncodedRecord, Encoder, EncoderOptions, OutputFormat};
use wire::{object, value};

/// JSON.
pub(super) const FORMAT: OutputFormat =
    OutputFormat { name: "riveg", shapes: &[Shape::Post, Shape::Triple], encoder, schema: None };

pub(super) use avro::FORMAT as AVRO;
pub(super) use protobuf::FORMAT as PROTOBUF;

fn encoder(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    Encoder::new(move |annotated, times| {
        let values = match options.shape {
            Shape::Post => {
                vec![post::written(annotated, &options, times, |head, included, rest| {
                    object(head, included, rest)
                })]
            }
            Shape::Triple => triple::written(annotated, &options, times, |head, included, rest| {
                object(head, included, rest)
            }),
        };
        values.into_iter().map(|value| EncodedRecord::new("application/json", value)).collect()
    })
}

/// The same objects as values, for the formats with a schema.
fn values(annotated: &Annotated, options: &EncoderOptions, times: AnswerTimes) -> Vec<Value> {
    match options.shape {
        Shape::Post => {
            vec![post::written(annotated, options, times, |head, included, rest| value(head, included, rest))]
        }
        Shape::Triple => {
            triple::written(annotated, options, times, |head, included, rest| value(head, included, rest))
        }
    }
}

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
