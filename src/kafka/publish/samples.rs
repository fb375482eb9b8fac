//! Sample records for the unit tests of this folder.

use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::Config;
use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::SourceRecord;
use crate::telemetry::traces::PostTrace;

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
        trace: PostTrace::default(),
    }
}

/// Settings as `config/default.toml` has them, with topics named `out` and `dead`.
pub(super) fn config() -> Config {
    Config { topic: "out".to_owned(), dead_letter_topic: "dead".to_owned(), ..Config::of_defaults() }
}
