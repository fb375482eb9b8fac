//! Annotations out, to Kafka, in the order in which the posts came.

mod outcome;
mod sequencer;
mod time;
mod wire;
mod include;
mod lineage;
mod post_id;
mod cut;
mod dead_letter;
mod carried;

mod config;
mod error;
mod parcel;
mod outbox;
mod pace;
mod reports;
mod producer;
mod transaction;
mod exactly_once;
mod publisher;
mod embedded;

pub use config::{Carry, Config, Delivery, KeyOf, MESSAGE_MAX_BYTES, TimestampOf};
pub use dead_letter::{LETTER_BYTES, OURS, RENAMED};
pub use embedded::{EmbeddedBroker, EmbeddedError};
pub use error::PublishError;
pub use include::{Include, Included};
pub use lineage::{ATTEMPTS, FROM, ORIGIN, RECORD};
pub use outcome::{Outcome, Record};
pub use parcel::KEY_ADDED;
pub use publisher::{Published, Publisher};
pub use sequencer::{Released, Sequencer};
pub use wire::{Annotated, MediaInfo, Provenance, SCHEMA, SCHEMA_VERSION};
