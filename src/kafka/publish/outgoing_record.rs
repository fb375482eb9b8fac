//! Outgoing records: what is written for an answer, with the ticket that its delivery settles.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::message::{Header, Headers, OwnedHeaders};

use super::truncation::Truncation;
use crate::domain::Rejection;
use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::{SourceRecord, Ticket};

/// A record to be written.
#[derive(Debug)]
pub(super) struct OutgoingRecord {
    pub(super) kind: RecordKind,
    /// The name of its output. None: it is a dead letter, or it is not written.
    pub(super) output: Option<Arc<str>>,
    pub(super) topic: Arc<str>,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: OwnedHeaders,
    /// Those of `headers` that belong to the output format.
    pub(super) format_headers: RecordHeaders,
    /// The size of those of `headers` that are copied from the input record. An answer can do without them.
    pub(super) copied_header_bytes: usize,
    /// None: the time of writing.
    pub(super) timestamp: Option<i64>,
    /// It is sent while no other record is under way: it may be refused, or was refused together with others.
    pub(super) send_alone: bool,
    /// It is too large to share a batch, whatever is sent with it.
    pub(super) has_own_batch: bool,
    pub(super) origin: Origin,
}

/// What a record answers.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) source: Arc<SourceRecord>,
    /// Shared by all records of one answer. The delivery of the last one settles it.
    pub(super) ticket: Arc<Ticket>,
    /// The record's place among the records of its answer.
    pub(super) part: usize,
    /// How many processes have worked on the input record, including this one.
    pub(super) attempts: u32,
}

/// What kind of answer a record is.
#[derive(Debug)]
pub(super) enum RecordKind {
    Annotation,
    DeadLetter(Rejection, Truncation),
    /// The deletion of a post, as the output's format writes it: mostly a record without a value.
    Tombstone {
        /// It is the first of the records of its deletion: deletions are counted by it.
        is_first: bool,
    },
    /// An annotation for which the output format writes no record. It only settles its ticket, in partition order.
    EmptyAnnotation,
    /// A tombstone that is not forwarded. It only settles its ticket, in partition order.
    Skipped,
    /// A record that needs no answer. It only settles its ticket, in partition order.
    Ignored,
    /// Offsets without records. It only settles its ticket, in partition order.
    Gap,
}

impl OutgoingRecord {
    /// Whether there is a record to be written.
    pub(super) fn is_written(&self) -> bool {
        !matches!(
            self.kind,
            RecordKind::EmptyAnnotation | RecordKind::Skipped | RecordKind::Ignored | RecordKind::Gap
        )
    }

    /// The bytes of key, value and headers.
    pub(super) fn bytes(&self) -> usize {
        let parts = [&self.key, &self.value].into_iter().flatten().map(Bytes::len).sum::<usize>();
        let header = |header: Header<'_, &[u8]>| header.key.len() + header.value.map_or(0, <[u8]>::len);
        parts + self.headers.iter().map(header).sum::<usize>()
    }
}
