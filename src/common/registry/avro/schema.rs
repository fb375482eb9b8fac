//! Avro schema: a table of types that refer to each other by their places.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};

/// The most types of one schema.
const MAX_TYPES: usize = 100_000;

/// A schema.
#[derive(Debug)]
pub struct AvroSchema {
    types: Vec<AvroType>,
    root: usize,
}

/// A type. Numbers are places of types in the table.
#[derive(Debug)]
pub(super) enum AvroType {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Date,
    /// A time of the day: so many to a second.
    Time(Unit),
    /// Since 1970: so many to a second, and whether it is UTC.
    Timestamp(Unit, bool),
    /// The decimal places, and the bytes of the number if they are fixed.
    Decimal(u32, Option<usize>),
    /// A UUID of sixteen bytes.
    Uuid,
    Fixed(usize),
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<Field>),
}

/// The unit of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// The name in quotes, and a colon.
    pub(super) key: String,
    pub(super) place: usize,
}

impl AvroSchema {
    /// Reads a schema, and those that it refers to.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence whose subject is the schema.
    pub fn new(text: &str, references: &BTreeMap<String, String>) -> Result<Self, String> {
        let invalid = |error: apache_avro::Error| format!("is no schema of Avro: {error}");
        let (root, others) = if references.is_empty() {
            (Schema::parse_str(text).map_err(invalid)?, Vec::new())
        } else {
            Schema::parse_str_with_list(text, references.values()).map_err(invalid)?
        };
        let mut table = Table::default();
        for schema in &others {
            table.add(schema)?;
        }
        let root = table.add(&root)?;
        if let Some((name, _)) = table.named.iter().find(|(_, place)| table.types[**place].is_none()) {
            return Err(format!("refers to `{name}`, which no schema defines"));
        }
        let types = table.types.into_iter().flatten().collect();
        Ok(Self { types, root })
    }

    pub(super) fn root(&self) -> &AvroType {
        self.at(self.root)
    }

    pub(super) fn at(&self, place: usize) -> &AvroType {
        &self.types[place]
    }
}

/// The types that were read. A name may be used before it is defined: its place is kept free.
#[derive(Default)]
struct Table {
    types: Vec<Option<AvroType>>,
    named: BTreeMap<String, usize>,
}

impl Table {
    /// Adds a type with all that it contains; returns its place.
    fn add(&mut self, schema: &Schema) -> Result<usize, String> {
        if self.types.len() >= MAX_TYPES {
            return Err(format!("has more than {MAX_TYPES} types"));
        }
        if let Schema::Ref { name } = schema {
            return Ok(self.place_of(name));
        }
        // A record may contain itself: its place is known before its fields are.
        let place = match schema {
            Schema::Record(record) => self.place_of(&record.name),
            Schema::Enum(schema) => self.place_of(&schema.name),
            Schema::Fixed(schema) => self.place_of(&schema.name),
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Fixed(fixed) => self.place_of(&fixed.name),
                InnerDecimalSchema::Bytes => self.free_place(),
            },
            Schema::Uuid(UuidSchema::Fixed(fixed)) | Schema::Duration(fixed) => self.place_of(&fixed.name),
            _ => self.free_place(),
        };
        let read = match schema {
            Schema::Null => AvroType::Null,
            Schema::Boolean => AvroType::Boolean,
            Schema::Int => AvroType::Int,
            Schema::Long => AvroType::Long,
            Schema::Float => AvroType::Float,
            Schema::Double => AvroType::Double,
            Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => AvroType::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => AvroType::String,
            Schema::Date => AvroType::Date,
            Schema::TimeMillis => AvroType::Time(Unit::Millis),
            Schema::TimeMicros => AvroType::Time(Unit::Micros),
            Schema::TimestampMillis => AvroType::Timestamp(Unit::Millis, true),
            Schema::TimestampMicros => AvroType::Timestamp(Unit::Micros, true),
            Schema::TimestampNanos => AvroType::Timestamp(Unit::Nanos, true),
            Schema::LocalTimestampMillis => AvroType::Timestamp(Unit::Millis, false),
            Schema::LocalTimestampMicros => AvroType::Timestamp(Unit::Micros, false),
            Schema::LocalTimestampNanos => AvroType::Timestamp(Unit::Nanos, false),
            Schema::Uuid(UuidSchema::Fixed(_)) => AvroType::Uuid,
            Schema::Fixed(fixed) | Schema::Duration(fixed) => AvroType::Fixed(fixed.size),
            Schema::Decimal(decimal) => {
                let scale = u32::try_from(decimal.scale)
                    .map_err(|_| "has a decimal of too many places".to_owned())?;
                let size = match &decimal.inner {
                    InnerDecimalSchema::Fixed(fixed) => Some(fixed.size),
                    InnerDecimalSchema::Bytes => None,
                };
                AvroType::Decimal(scale, size)
            }
            Schema::Enum(schema) => AvroType::Enum(schema.symbols.clone()),
            Schema::Array(array) => AvroType::Array(self.add(&array.items)?),
            Schema::Map(map) => AvroType::Map(self.add(&map.types)?),
            Schema::Union(union) => {
                let variants = union.variants().iter().map(|variant| self.add(variant));
                AvroType::Union(variants.collect::<Result<_, String>>()?)
            }
            Schema::Record(record) => {
                let fields = record.fields.iter().map(|field| {
                    let key = format!("{}:", serde_json::Value::from(field.name.as_str()));
                    Ok(Field { name: field.name.clone(), key, place: self.add(&field.schema)? })
                });
                AvroType::Record(fields.collect::<Result<_, String>>()?)
            }
            Schema::Ref { .. } => unreachable!("references have been left above"),
        };
        self.types[place] = Some(read);
        Ok(place)
    }

    fn place_of(&mut self, name: &Name) -> usize {
        let name = name.to_string();
        match self.named.get(&name) {
            Some(place) => *place,
            None => {
                let place = self.free_place();
                self.named.insert(name, place);
                place
            }
        }
    }

    fn free_place(&mut self) -> usize {
        self.types.push(None);
        self.types.len() - 1
    }
}
