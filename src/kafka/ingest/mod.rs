//! Ingest: records from Kafka, and the offsets of those that are answered back to it.
//!
//! A record that is read gets a [`Ticket`]. The ticket travels with the post and returns when the answer is delivered.
//! Only then is the record settled, and only the unbroken run of settled offsets is committed.
//!
//! Read `record`, `ledger`, `budget` and `fence` first: they are pure. Then `consumer` (the reading thread and its
//! loop), and the parts of that loop: `assignment`, `data_loss`, `partition_ends`, `lag_reports`, `drain`. [`start`] is
//! the entry point.

mod record;
mod ledger;
mod budget;
mod fence;

mod config;
mod topics;
mod topic_pattern;
mod error;
mod context;
mod probe;
mod availability;
mod sent_offsets;
mod positions;
mod lag;
mod membership;
mod handle;

mod consumer;
mod assignment;
mod data_loss;
mod partition_ends;
mod lag_reports;
mod drain;

pub use config::{Config, DataLoss, GroupProtocol, OffsetsBy, Start, Tombstones, UnknownEvents};
pub use consumer::start;
pub use error::IngestError;
pub use fence::Fence;
pub use handle::{Consumed, IngestControl, IngestHandle};
pub use ledger::{Ledger, Ticket};
pub use membership::Membership;
pub use record::{SourceRecord, TicketedRecord};
pub use topics::InputTopics;
