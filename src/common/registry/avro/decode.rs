//! Avro decoder: a binary value to the JSON text that the formats of feeds read.
//!
//! The value of a union is written without the name of its type, bytes and fixed as Base64, an enum as its symbol,
//! times as RFC 3339 says, decimals as numbers. What is no number is written as a string, as Protobuf's JSON does.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::super::decode_fault::{DecodeFault, JsonLimits};
use super::cursor::Cursor;
use super::logical;
use super::schema::{AvroSchema, AvroType};

/// The JSON text of a value.
///
/// # Errors
/// The value does not follow its schema, or its JSON exceeds the limits.
pub fn to_json(schema: &AvroSchema, value: &[u8], limits: JsonLimits) -> Result<Vec<u8>, DecodeFault> {
    let mut decoder = Decoder { schema, cursor: Cursor::new(value), json: Vec::new(), limits };
    let read = decoder.value(schema.root(), 0);
    let at = decoder.cursor.at();
    if let Err(fault) = read {
        return Err(fault.behind(at));
    }
    if !decoder.cursor.is_at_end() {
        let left = value.len() - at;
        return Err(DecodeFault::malformed(format!("{left} bytes follow the value")).behind(at));
    }
    Ok(decoder.json)
}

struct Decoder<'a> {
    schema: &'a AvroSchema,
    cursor: Cursor<'a>,
    json: Vec<u8>,
    limits: JsonLimits,
}

impl<'a> Decoder<'a> {
    /// Writes the next value, which lies within so many others.
    fn value(&mut self, avro_type: &'a AvroType, depth: usize) -> Result<(), DecodeFault> {
        self.limits.check(self.json.len(), depth)?;
        match avro_type {
            AvroType::Null => self.raw("null"),
            AvroType::Boolean => match self.cursor.array()? {
                [0] => self.raw("false"),
                [1] => self.raw("true"),
                [other] => return Err(DecodeFault::malformed(format!("the byte {other} is no `boolean`"))),
            },
            AvroType::Int => {
                let number = self.cursor.int()?;
                self.raw(&number.to_string());
            }
            AvroType::Long => {
                let number = self.cursor.long()?;
                self.raw(&number.to_string());
            }
            AvroType::Float => {
                let number = f32::from_le_bytes(self.cursor.array()?);
                self.number(number, f64::from(number));
            }
            AvroType::Double => {
                let number = f64::from_le_bytes(self.cursor.array()?);
                self.number(number, number);
            }
            AvroType::Bytes => {
                let bytes = self.cursor.bytes()?;
                self.base64(bytes)?;
            }
            AvroType::Fixed(size) => {
                let bytes = self.cursor.take(*size)?;
                self.base64(bytes)?;
            }
            AvroType::String => {
                let text = self.cursor.string()?;
                self.string(text);
            }
            AvroType::Enum(symbols) => {
                let index = self.cursor.int()?;
                let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
                let symbol = symbol
                    .ok_or_else(|| DecodeFault::malformed(format!("{index} is no symbol of its enum")))?;
                self.string(symbol);
            }
            AvroType::Date => {
                let days = i64::from(self.cursor.int()?);
                self.text_or_number(logical::date(days), days);
            }
            AvroType::Time(unit) => {
                let count = self.cursor.long()?;
                self.text_or_number(logical::time(count, *unit), count);
            }
            AvroType::Timestamp(unit, is_utc) => {
                let count = self.cursor.long()?;
                self.text_or_number(logical::timestamp(count, *unit, *is_utc), count);
            }
            AvroType::Decimal(scale, size) => {
                let bytes = match size {
                    Some(size) => self.cursor.take(*size)?,
                    None => self.cursor.bytes()?,
                };
                match logical::decimal(bytes, *scale) {
                    Some(number) => self.raw(&number),
                    None => {
                        return Err(DecodeFault::malformed(format!("a decimal has {} bytes", bytes.len())));
                    }
                }
            }
            AvroType::Uuid => {
                let uuid = logical::uuid(self.cursor.array()?);
                self.string(&uuid);
            }
            AvroType::Array(items) => self.list(*items, depth)?,
            AvroType::Map(values) => self.map(*values, depth)?,
            AvroType::Union(variants) => {
                let index = self.cursor.long()?;
                let variant = usize::try_from(index).ok().and_then(|index| variants.get(index));
                let variant = variant
                    .ok_or_else(|| DecodeFault::malformed(format!("{index} is no type of its union")))?;
                self.value(self.schema.at(*variant), depth + 1)?;
            }
            AvroType::Record(fields) => {
                self.json.push(b'{');
                for (index, field) in fields.iter().enumerate() {
                    if index > 0 {
                        self.json.push(b',');
                    }
                    self.raw(&field.key);
                    self.value(self.schema.at(field.place), depth + 1)
                        .map_err(|fault| fault.within(&field.name))?;
                }
                self.json.push(b'}');
            }
        }
        Ok(())
    }

    fn list(&mut self, items: usize, depth: usize) -> Result<(), DecodeFault> {
        let (schema, mut index) = (self.schema, 0_u64);
        self.json.push(b'[');
        loop {
            let count = self.cursor.block()?;
            if count == 0 {
                break;
            }
            // Each element takes a byte of JSON or more: a block of as many as it claims ends at the limit.
            for _ in 0..count {
                if index > 0 {
                    self.json.push(b',');
                }
                self.value(schema.at(items), depth + 1).map_err(|fault| fault.within_list(index))?;
                index += 1;
            }
        }
        self.json.push(b']');
        Ok(())
    }

    fn map(&mut self, values: usize, depth: usize) -> Result<(), DecodeFault> {
        let (schema, mut is_first) = (self.schema, true);
        self.json.push(b'{');
        loop {
            let count = self.cursor.block()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                if !is_first {
                    self.json.push(b',');
                }
                is_first = false;
                let key = self.cursor.string()?;
                self.string(key);
                self.json.push(b':');
                self.value(schema.at(values), depth + 1).map_err(|fault| fault.within(key))?;
            }
        }
        self.json.push(b'}');
        Ok(())
    }

    fn raw(&mut self, text: &str) {
        self.json.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        self.written(text);
    }

    fn written(&mut self, value: impl Serialize) {
        if let Err(error) = serde_json::to_writer(&mut self.json, &value) {
            unreachable!("strings and numbers can always be written as JSON: {error}");
        }
    }

    fn base64(&mut self, bytes: &[u8]) -> Result<(), DecodeFault> {
        self.limits.check(self.json.len().saturating_add(bytes.len()), 0)?;
        let encoded = STANDARD.encode(bytes);
        self.string(&encoded);
        Ok(())
    }

    fn text_or_number(&mut self, text: Option<String>, number: i64) {
        match text {
            Some(text) => self.string(&text),
            None => self.raw(&number.to_string()),
        }
    }

    /// A number in as few digits as its type needs, or the word for one that JSON cannot write.
    fn number(&mut self, number: impl Serialize, value: f64) {
        if value.is_finite() {
            self.written(number);
        } else if value.is_nan() {
            self.string("NaN");
        } else {
            self.string(if value > 0.0 { "Infinity" } else { "-Infinity" });
        }
    }
}
