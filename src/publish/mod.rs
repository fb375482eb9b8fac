//! Annotations out, to Kafka, in the order in which the posts came.

mod outcome;
mod sequencer;
mod time;
mod wire;
mod dead_letter;

mod config;
mod parcel;
mod producer;
mod embedded;

pub use config::Config;
pub use embedded::{EmbeddedBroker, EmbeddedError};
pub use outcome::{Outcome, Record};
pub use producer::{PublishError, Published, Publisher};
pub use sequencer::{Released, Sequencer};
pub use wire::{Annotated, MediaInfo, Provenance, SCHEMA, SCHEMA_VERSION};
