//! Annotations out, to Kafka, in the order in which the posts came.

mod outcome;
mod sequencer;
mod time;
mod wire;
mod dead_letter;

mod config;
mod error;
mod parcel;
mod outbox;
mod reports;
mod producer;
mod transaction;
mod exactly_once;
mod publisher;
mod embedded;

pub use config::{Config, Delivery};
pub use embedded::{EmbeddedBroker, EmbeddedError};
pub use error::PublishError;
pub use outcome::{Outcome, Record};
pub use publisher::{Published, Publisher};
pub use sequencer::{Released, Sequencer};
pub use wire::{Annotated, MediaInfo, Provenance, SCHEMA, SCHEMA_VERSION};
