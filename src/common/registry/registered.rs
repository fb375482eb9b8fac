//! Registered schemas: what the registry keeps, and what it is offered.

use serde::Deserialize;
use serde_json::{Value, json};

/// A schema as the registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RegisteredSchema {
    /// Its text.
    pub schema: String,
    /// Its language; absent in answers about Avro.
    #[serde(rename = "schemaType", default)]
    pub schema_type: SchemaType,
    /// Schemas that it refers to.
    #[serde(default)]
    pub references: Vec<Reference>,
}

/// A schema that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reference {
    /// The name by which it is referred to: that of a type, or of a file.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its version under the subject.
    pub version: i64,
}

/// The language of a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "their names say it")]
pub enum SchemaType {
    #[default]
    Avro,
    Protobuf,
    Json,
}

/// A schema that an output writes.
#[derive(Debug, Clone, Copy)]
pub struct CandidateSchema<'a> {
    /// Its language.
    pub schema_type: SchemaType,
    /// Its text.
    pub schema: &'a str,
}

/// Whether a schema may follow those that a subject has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compatibility {
    /// The subject has no schema.
    First,
    /// It may.
    Compatible,
    /// It may not: the differences.
    Incompatible(String),
}

impl CandidateSchema<'_> {
    /// The body of questions about it.
    pub(super) fn body(&self) -> Value {
        let schema_type = match self.schema_type {
            SchemaType::Avro => "AVRO",
            SchemaType::Protobuf => "PROTOBUF",
            SchemaType::Json => "JSON",
        };
        json!({ "schema": self.schema, "schemaType": schema_type })
    }
}
