//! Sample records for the unit tests of this folder.

use std::time::UNIX_EPOCH;

use bytes::Bytes;

use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::SourceRecord;

/// An input record without headers.
pub(super) fn source() -> SourceRecord {
    SourceRecord {
        topic: "in".into(),
        partition: 0,
        offset: 5,
        timestamp: Some(1_700_000_000_000),
        key: Some(Bytes::from_static(b"author")),
        value: Some(Bytes::from_static(b"payload")),
        headers: RecordHeaders::default(),
        received: UNIX_EPOCH,
    }
}
