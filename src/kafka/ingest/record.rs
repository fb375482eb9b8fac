//! Records as they were read, independent of the Kafka client.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::Ticket;
use crate::kafka::client::{RecordHeaders, TopicPartition};
use crate::telemetry::traces::PostTrace;

/// An input record. A key, value or header that is absent differs from one that is empty.
#[derive(Debug, Clone)]
pub struct SourceRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The timestamp in milliseconds since 1970, if Kafka has one.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value: the post. None: a tombstone.
    pub value: Option<Bytes>,
    /// The headers in order. Names may repeat.
    pub headers: RecordHeaders,
    /// When the engine read it.
    pub received: SystemTime,
    /// Its trace, which ends when the record is answered.
    pub trace: PostTrace,
}

impl SourceRecord {
    /// The partition of its topic.
    #[must_use]
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition { topic: Arc::clone(&self.topic), partition: self.partition }
    }

    /// When it was written, or when it was read if it has no timestamp.
    #[must_use]
    pub fn written(&self) -> SystemTime {
        let since = self.timestamp.and_then(|since| u64::try_from(since).ok());
        since.map_or(self.received, |since| UNIX_EPOCH + Duration::from_millis(since))
    }

    /// The size of key, value and headers: a record may consist of headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts = [&self.key, &self.value].into_iter().flatten().map(Bytes::len);
        parts.sum::<usize>() + self.headers.bytes()
    }
}

/// A record on its way through the engine, with the ticket that must be returned.
#[derive(Debug)]
pub struct TicketedRecord {
    /// The record.
    pub source: Arc<SourceRecord>,
    /// The ticket.
    pub ticket: Ticket,
    /// There is no record: Kafka uses the offsets up to this one for markers of transactions and aborted records.
    pub is_gap: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_count_in_the_size_of_a_record() {
        let mut source = SourceRecord {
            topic: "posts".into(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: Some(Bytes::from_static(b"key")),
            value: Some(Bytes::from_static(b"value")),
            headers: RecordHeaders::default(),
            received: SystemTime::UNIX_EPOCH,
            trace: PostTrace::default(),
        };
        assert_eq!(source.bytes(), 8);
        source.headers.push("big", Some(&[0; 5_000]));
        assert!(source.bytes() > 5_008, "{}", source.bytes());
    }
}
