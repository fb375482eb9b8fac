//! Posts in, from Kafka.
//!
//! A record that is read gets a [`Ticket`]; it travels with the post and comes back when the answer is delivered. Only
//! then does the record's offset count as done, and only the unbroken run of done offsets is committed.

mod record;
mod ledger;
mod budget;
mod fence;

mod config;
mod context;
mod probe;
mod trouble;
mod offsets;
mod positions;
mod lag;
mod reading;
mod membership;
mod assignment;
mod loss;
mod ends;
mod drain;
mod consumer;

pub use config::{Config, DataLoss, GroupProtocol, OffsetsBy, Start, Tombstones};
pub use consumer::start;
pub use fence::Fence;
pub use ledger::{Ledger, Ticket};
pub use membership::Membership;
pub use reading::{Consumed, Ingest, IngestError, Watch};
pub use record::{Delivery, SourceRecord};
