//! The format `riveg`: JSON with rounded numbers and fields in a fixed order, one object for each post or for each triple.

mod mask;
mod mask_png;
mod post;
pub mod reader;
mod triple;
mod wire;

use super::super::Shape;
use super::format::{EncodedRecord, Encoder, EncoderOptions, OutputFormat};

/// JSON.
pub(super) const FORMAT: OutputFormat =
    OutputFormat { name: "riveg", shapes: &[Shape::Post, Shape::Triple], encoder };

fn encoder(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    Encoder::new(move |annotated, times| {
        let values = match options.shape {
            Shape::Post => vec![post::to_json(annotated, &options, times)],
            Shape::Triple => triple::to_json(annotated, &options, times),
        };
        values.into_iter().map(|value| EncodedRecord::new("application/json", value)).collect()
    })
}

#[cfg(test)]
mod tests;
