//! A record as it was read, free of its client.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rdkafka::message::OwnedHeaders;

use super::Ticket;

/// A record as it came. Nothing and emptiness are kept apart: a key, value or header may be absent or of no bytes.
///
/// Headers stay in the client's own form, unread: their names need not be text.
#[derive(Debug, Clone)]
pub struct SourceRecord {
    /// Where it was read.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970, as Kafka says it.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value: the post.
    pub value: Option<Bytes>,
    /// Its headers, in order; names may repeat.
    pub headers: Option<OwnedHeaders>,
    /// When the engine read it.
    pub received: SystemTime,
}

impl SourceRecord {
    /// The bytes of key and value.
    #[must_use]
    pub fn bytes(&self) -> usize {
        [&self.key, &self.value].into_iter().flatten().map(Bytes::len).sum()
    }
}

/// A record on its way through the engine, with the claim that it must return.
#[derive(Debug)]
pub struct Delivery {
    /// The record.
    pub source: Arc<SourceRecord>,
    /// Its claim.
    pub ticket: Ticket,
    /// There is no record: nothing that is delivered has the offsets up to this one.
    pub is_gap: bool,
}
