//! Avro encoder: JSON to a binary value, as its schema says.
//!
//! A field that the JSON does not have is null, false or an empty list, whichever its type knows. Text becomes a time
//! (RFC 3339) or bytes (Base64) where the schema says so: the JSON is that which [`super::to_json`] makes of the value.

use std::time::UNIX_EPOCH;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::schema::{AvroSchema, AvroType, Field, Unit};

/// A value that does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct EncodeFault {
    path: String,
    what: String,
}

/// Appends a value.
///
/// # Errors
/// It does not fit the schema.
pub fn append(schema: &AvroSchema, value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeFault> {
    write(schema, schema.root(), value, out)
}

fn write(
    schema: &AvroSchema,
    avro_type: &AvroType,
    value: &Value,
    out: &mut Vec<u8>,
) -> Result<(), EncodeFault> {
    match (avro_type, value) {
        (AvroType::Null, Value::Null) => Ok(()),
        (AvroType::Union(variants), value) => {
            let fits = |place: &usize| matches!(schema.at(*place), AvroType::Null) == value.is_null();
            let index = variants.iter().position(fits).ok_or_else(|| fault(value, "no type of its union"))?;
            push_long(out, index as i64);
            write(schema, schema.at(variants[index]), value, out)
        }
        (AvroType::Boolean, Value::Bool(truth)) => {
            out.push(u8::from(*truth));
            Ok(())
        }
        (AvroType::Int, Value::Number(number)) => {
            let number = number.as_i64().filter(|number| i32::try_from(*number).is_ok());
            push_long(out, number.ok_or_else(|| fault(value, "no int"))?);
            Ok(())
        }
        (AvroType::Long, Value::Number(number)) => {
            push_long(out, number.as_i64().ok_or_else(|| fault(value, "no long"))?);
            Ok(())
        }
        (AvroType::Double, Value::Number(number)) => {
            out.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_le_bytes());
            Ok(())
        }
        (AvroType::String, Value::String(text)) => {
            push_bytes(out, text.as_bytes());
            Ok(())
        }
        (AvroType::Bytes, Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_err(|_| fault(value, "no Base64"))?;
            push_bytes(out, &bytes);
            Ok(())
        }
        (AvroType::Timestamp(Unit::Millis, true), Value::String(text)) => {
            let moment =
                humantime::parse_rfc3339(text).ok().and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
            let millis = moment.and_then(|moment| i64::try_from(moment.as_millis()).ok());
            push_long(out, millis.ok_or_else(|| fault(value, "no time"))?);
            Ok(())
        }
        (AvroType::Array(items), Value::Array(values)) => {
            if !values.is_empty() {
                push_long(out, values.len() as i64);
            }
            for (index, value) in values.iter().enumerate() {
                write(schema, schema.at(*items), value, out)
                    .map_err(|fault| fault.within(&format!("[{index}]")))?;
            }
            out.push(0);
            Ok(())
        }
        (AvroType::Record(fields), Value::Object(object)) => write_record(schema, fields, object, out),
        (_, value) => Err(fault(value, "not of the type of its field, or of a type that is not written")),
    }
}

fn write_record(
    schema: &AvroSchema,
    fields: &[Field],
    object: &Map<String, Value>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeFault> {
    let mut written = 0;
    for field in fields {
        let avro_type = schema.at(field.place);
        match object.get(&field.name) {
            Some(value) => {
                written += 1;
                write(schema, avro_type, value, out)
                    .map_err(|fault| fault.within(&format!(".{}", field.name)))?;
            }
            None => {
                let absent = match avro_type {
                    AvroType::Array(_) => Value::Array(Vec::new()),
                    AvroType::Boolean => Value::Bool(false),
                    _ => Value::Null,
                };
                write(schema, avro_type, &absent, out)
                    .map_err(|fault| fault.within(&format!(".{}", field.name)))?;
            }
        }
    }
    if written < object.len() {
        let is_unknown = |name: &&String| fields.iter().all(|field| field.name != **name);
        let unknown = object.keys().find(is_unknown).cloned().unwrap_or_default();
        return Err(EncodeFault { path: format!(".{unknown}"), what: "no field of the schema".to_owned() });
    }
    Ok(())
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// A number in zigzag encoding of variable length.
fn push_long(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn fault(value: &Value, what: &str) -> EncodeFault {
    let value: String = value.to_string().chars().take(100).collect();
    EncodeFault { path: String::new(), what: format!("`{value}` is {what}") }
}

impl EncodeFault {
    fn within(self, step: &str) -> Self {
        Self { path: format!("{step}{}", self.path), ..self }
    }
}
