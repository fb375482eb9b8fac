//! Protobuf encoder: JSON to the first message of a file, as Protobuf's JSON mapping says.

use prost_reflect::DynamicMessage;
use prost_reflect::prost::Message as _;
use serde_json::Value;

use super::schema::ProtobufSchema;

/// The place of the first message of a file.
const FIRST_MESSAGE: u8 = 0;

/// Appends the place of the first message of the file, and that message.
///
/// # Errors
/// The value does not fit the schema.
pub fn append(schema: &ProtobufSchema, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let descriptor = schema.message(&[0])?;
    let message = DynamicMessage::deserialize(descriptor, value).map_err(|error| error.to_string())?;
    out.push(FIRST_MESSAGE);
    message.encode(out).map_err(|error| error.to_string())
}
