//! A record as it was read, free of its client.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::Ticket;
use crate::kafka::client::RecordHeaders;

/// A record as it came. Nothing and emptiness are kept apart: a key, value or header may be absent or of no bytes.
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
    pub headers: RecordHeaders,
    /// When the engine read it.
    pub received: SystemTime,
}

impl SourceRecord {
    /// When it was written; where Kafka does not say, when it was read.
    #[must_use]
    pub fn written(&self) -> SystemTime {
        let since = self.timestamp.and_then(|since| u64::try_from(since).ok());
        since.map_or(self.received, |since| UNIX_EPOCH + Duration::from_millis(since))
    }

    /// The bytes of key, value and headers: a record may be all headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts = [&self.key, &self.value].into_iter().flatten().map(Bytes::len);
        parts.sum::<usize>() + self.headers.bytes()
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
        };
        assert_eq!(source.bytes(), 8);
        source.headers.push("big", Some(&[0; 5_000]));
        assert!(source.bytes() > 5_008, "{}", source.bytes());
    }
}
