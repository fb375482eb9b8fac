//! Protobuf encoder: JSON to the first message of a file, as Protobuf's JSON mapping says.
//!
//! The JSON is that which [`super::to_json`] makes of the message. Enums, maps, groups and numbers within texts are not
//! written: no message of this engine has them.

use std::time::UNIX_EPOCH;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value;

use super::schema::ProtobufSchema;

/// The place of the first message of a file.
const FIRST_MESSAGE: u8 = 0;

/// The message of times, whose JSON is a text.
const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// How values are written.
const VARINT: u32 = 0;
const EIGHT_BYTES: u32 = 1;
const WITH_LENGTH: u32 = 2;

/// Appends the place of the first message of the file, and that message.
///
/// # Errors
/// The value does not fit the schema.
pub fn append(schema: &ProtobufSchema, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let descriptor = schema.message(&[0])?;
    out.push(FIRST_MESSAGE);
    write_message(&descriptor, value, out)
}

fn write_message(descriptor: &MessageDescriptor, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    if descriptor.full_name() == TIMESTAMP {
        return write_timestamp(value, out);
    }
    let Value::Object(members) = value else { return Err(fault(value, "no message")) };
    let mut written = 0;
    // In the order of their numbers.
    for field in descriptor.fields() {
        let value = members.get(field.name()).or_else(|| members.get(field.json_name()));
        let Some(value) = value else { continue };
        written += 1;
        write_field(&field, value, out).map_err(|fault| format!(".{}{fault}", field.name()))?;
    }
    if written < members.len() {
        let is_unknown = |name: &&String| {
            descriptor
                .fields()
                .all(|field| field.name() != name.as_str() && field.json_name() != name.as_str())
        };
        let unknown = members.keys().find(is_unknown).cloned().unwrap_or_default();
        return Err(format!(".{unknown}: no field of the schema"));
    }
    Ok(())
}

fn write_field(field: &FieldDescriptor, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let (number, kind) = (field.number(), field.kind());
    match value {
        Value::Null => Ok(()),
        Value::Array(values) if field.is_list() && field.is_packed() => {
            let mut packed = Vec::new();
            values.iter().try_for_each(|value| write_value(&kind, value, &mut packed))?;
            if !packed.is_empty() {
                push_key(out, number, WITH_LENGTH);
                push_bytes(out, &packed);
            }
            Ok(())
        }
        Value::Array(values) if field.is_list() => {
            values.iter().try_for_each(|value| write_one(number, &kind, value, out))
        }
        _ if field.is_list() => Err(fault(value, "no list")),
        // A field that cannot be absent is left out where it says nothing.
        value if !field.supports_presence() && is_default(value) => Ok(()),
        value => write_one(number, &kind, value, out),
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn write_one(number: u32, kind: &Kind, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let wire_type = match kind {
        Kind::Double => EIGHT_BYTES,
        Kind::String | Kind::Bytes | Kind::Message(_) => WITH_LENGTH,
        _ => VARINT,
    };
    push_key(out, number, wire_type);
    write_value(kind, value, out)
}

fn write_value(kind: &Kind, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    match (kind, value) {
        (Kind::Bool, Value::Bool(truth)) => out.push(u8::from(*truth)),
        (Kind::Uint32, Value::Number(number)) => {
            let number = number.as_u64().filter(|number| u32::try_from(*number).is_ok());
            push_varint(out, number.ok_or_else(|| fault(value, "no uint32"))?);
        }
        (Kind::Uint64, Value::Number(number)) => {
            push_varint(out, number.as_u64().ok_or_else(|| fault(value, "no uint64"))?);
        }
        (Kind::Int32, Value::Number(number)) => {
            let number = number.as_i64().filter(|number| i32::try_from(*number).is_ok());
            push_varint(out, number.ok_or_else(|| fault(value, "no int32"))?.cast_unsigned());
        }
        (Kind::Int64, Value::Number(number)) => {
            push_varint(out, number.as_i64().ok_or_else(|| fault(value, "no int64"))?.cast_unsigned());
        }
        (Kind::Double, Value::Number(number)) => {
            out.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_le_bytes());
        }
        (Kind::String, Value::String(text)) => push_bytes(out, text.as_bytes()),
        (Kind::Bytes, Value::String(text)) => {
            push_bytes(out, &STANDARD.decode(text).map_err(|_| fault(value, "no Base64"))?);
        }
        (Kind::Message(message), value) => {
            let mut inner = Vec::new();
            write_message(message, value, &mut inner)?;
            push_bytes(out, &inner);
        }
        (_, value) => {
            return Err(fault(value, "not of the type of its field, or of a type that is not written"));
        }
    }
    Ok(())
}

/// A time as seconds and nanoseconds since 1970.
fn write_timestamp(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let moment = value.as_str().and_then(|text| humantime::parse_rfc3339(text).ok());
    let since = moment.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
    let since = since.ok_or_else(|| fault(value, "no time"))?;
    for (number, count) in [(1, since.as_secs()), (2, u64::from(since.subsec_nanos()))] {
        if count > 0 {
            push_key(out, number, VARINT);
            push_varint(out, count);
        }
    }
    Ok(())
}

fn push_key(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    push_varint(out, u64::from(number << 3 | wire_type));
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn fault(value: &Value, what: &str) -> String {
    let value: String = value.to_string().chars().take(100).collect();
    format!(": `{value}` is {what}")
}
