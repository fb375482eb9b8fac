//! Outcomes: the answer to one input record, on its way from the pipeline to Kafka, and the count of what was written.

use std::sync::Arc;

use super::Annotated;
use crate::domain::Rejection;
use crate::kafka::ingest::{SourceRecord, Ticket};

/// The answer to a record, with the ticket that is returned when the answer is written.
#[derive(Debug)]
pub struct Outcome {
    /// The input record.
    pub source: Arc<SourceRecord>,
    /// Its answer.
    pub answer: Answer,
    /// Its ticket.
    pub ticket: Ticket,
    /// How many processes have worked on it, including this one.
    pub attempts: u32,
}

/// The answer to one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// An annotation, for the output topic.
    Annotated(Box<Annotated>),
    /// A rejection, for the dead-letter topic.
    Rejected(Rejection),
    /// A tombstone that is forwarded under its key to the output topic.
    Tombstone,
    /// The record says that a post was deleted: a tombstone under the key of that post's annotation.
    Deleted {
        /// The id of the post.
        post_id: String,
    },
    /// A deletion that is not forwarded: nothing is written.
    Skipped,
    /// The record says nothing that needs an answer: nothing is written.
    Ignored,
    /// The answers to a record of several posts. None of them is `Several`.
    Several(Vec<Answer>),
    /// No record: offsets that Kafka uses for other purposes. Nothing is written.
    Gap,
}

/// How much was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Annotated posts.
    pub annotations: u64,
    /// Dead letters.
    pub dead_letters: u64,
}
