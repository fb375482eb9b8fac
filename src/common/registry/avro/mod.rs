//! Avro: binary values to JSON and back, by their schema.
//!
//! `schema` makes a table of an Avro schema, which is read by the crate `apache-avro`. Values are read here: that
//! crate's values take fifty bytes and more for a byte of a record, and a list of nulls takes as many as it claims.

mod cursor;
mod decode;
mod encode;
mod logical;
mod schema;

pub use decode::to_json;
pub use encode::{EncodeFault, append};
pub use schema::AvroSchema;

#[cfg(test)]
mod tests;
