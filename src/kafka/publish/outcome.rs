//! What became of one record, on its way from the pipeline to Kafka.

use std::sync::Arc;

use super::Annotated;
use crate::domain::Rejection;
use crate::kafka::ingest::{SourceRecord, Ticket};

/// What became of a record, with the ticket that returns when it is written.
#[derive(Debug)]
pub struct Outcome {
    /// The record as it came.
    pub source: Arc<SourceRecord>,
    /// What was made of it.
    pub record: Record,
    /// Its claim.
    pub ticket: Ticket,
    /// How many processes worked on it, this one included.
    pub attempts: u32,
}

/// What was made of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// An annotation, for the topic of annotations.
    Annotated(Annotated),
    /// Nothing, for this reason, for the topic of dead letters.
    Rejected(Rejection),
    /// The deletion that it says, under its key, for the topic of annotations.
    Tombstone,
    /// Nothing is written: a deletion that nobody downstream is told of.
    Skipped,
    /// There was no record, only offsets that no delivered record has.
    Gap,
}
