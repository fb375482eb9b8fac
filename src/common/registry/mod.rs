//! Schema Registry: schemas by their ids, and the encodings whose schemas it keeps.
//!
//! Read [`wire`] first (magic byte and schema id before each value), then [`Schemas`] (the schema of an id, asked for
//! once) and [`avro`], [`protobuf`] (values to JSON and back). [`RegistryClient`] is the HTTP API, and [`subjects`] has
//! schemas registered before the first value is written.
//!
//! The crate `schema_registry_converter` (6.0.0) is not used: its errors do not tell an answer of 404 from one of 401 or
//! 409, its caches have no bound, and it does not end where references refer to each other.

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
