//! Schema Registry: schemas by their ids, and the encodings whose schemas it keeps.
//!
//! Read [`wire`] first (magic byte and schema id before each value), then [`Schemas`] (the schema of an id, asked for
//! once) and [`avro`], [`protobuf`] (values to JSON and back). [`RegistryClient`] is the HTTP API, and [`subjects`] has
//! schemas registered before the first value is written.
//!
//! The crate `schema_registry_converter` was tried first (6.0.0): it turns each answer but 200 into one error without
//! its status, keeps schemas and errors for ever, reads bodies of any length, and follows references that refer to each
//! other without end.

pub mod avro;
mod client;
mod config;
mod decode_fault;
mod error;
pub mod protobuf;
mod registered;
mod schemas;
pub mod subjects;
pub mod wire;

pub use client::RegistryClient;
pub use config::{Config, SubjectNames};
pub use decode_fault::{DecodeFault, JsonLimits};
pub use error::{RegistryError, RegistryErrorKind};
pub use registered::{CandidateSchema, Compatibility, Reference, RegisteredSchema, SchemaType};
pub use schemas::{Schema, SchemaFault, Schemas};
