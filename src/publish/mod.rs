//! Annotations out, to Kafka, in the order in which the posts came.

mod sequencer;
mod time;
mod wire;

pub use sequencer::{Released, Sequencer};
pub use wire::{Annotated, MediaInfo, Provenance, SCHEMA, SCHEMA_VERSION};
