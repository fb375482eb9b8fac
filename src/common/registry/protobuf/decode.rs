//! Protobuf decoder: a message to its canonical JSON, with the names that its file has.
//!
//! Fields without a value are absent, numbers of 64 bits are strings, bytes are Base64, times are RFC 3339.

use std::io::{self, Write};

use prost_reflect::{DynamicMessage, SerializeOptions};

use super::super::decode_fault::{DecodeFault, JsonLimits};
use super::super::wire::message_place;
use super::count::check_count;
use super::schema::ProtobufSchema;

/// The JSON text of a message behind its place.
///
/// # Errors
/// The message does not follow its schema, or its JSON exceeds the limits.
pub fn to_json(schema: &ProtobufSchema, body: &[u8], limits: JsonLimits) -> Result<Vec<u8>, DecodeFault> {
    let (place, bytes) = message_place(body)?;
    let descriptor = schema.message(&place)?;
    check_count(&descriptor, bytes)?;
    let message = DynamicMessage::decode(descriptor, bytes)
        .map_err(|error| DecodeFault::malformed(error.to_string()))?;
    let options =
        SerializeOptions::new().use_proto_field_name(true).skip_default_fields(!limits.has_defaults());
    let mut json = Limited { json: Vec::new(), left: limits.max_bytes() };
    let written = message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options);
    match written {
        Ok(()) => Ok(json.json),
        // What did not fit would have followed.
        Err(error) if error.is_io() => Err(limits.exceeded()),
        Err(error) => Err(DecodeFault::malformed(error.to_string())),
    }
}

/// JSON up to a limit.
struct Limited {
    json: Vec<u8>,
    left: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        self.json.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
