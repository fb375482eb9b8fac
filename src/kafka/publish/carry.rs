//! Carried fields: key, headers and timestamp that an answer takes from its input record, as the settings say.

use bytes::Bytes;

use super::cloud_event;
use super::config::{Config, KeyOf, TimestampOf};
use super::dead_letter::HEADER_PREFIX;
use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::SourceRecord;
use crate::telemetry::traces::TRACEPARENT;

/// Set by the output format; the record's own describes the post.
const CONTENT_TYPE: &str = "content-type";

impl Config {
    /// The answer's key: that of the record, or the post's id if the record has none or the settings say so.
    pub(super) fn answer_key(&self, source: &SourceRecord, post_id: &str) -> Bytes {
        let own = source.key.clone().filter(|_| self.key == KeyOf::Input);
        own.unwrap_or_else(|| Bytes::copy_from_slice(post_id.as_bytes()))
    }

    /// The record's headers that are copied to the answer. The engine's own headers are not: they describe another
    /// record.
    pub(super) fn copied_headers(&self, source: &SourceRecord) -> RecordHeaders {
        let is_carried = |name: &str| {
            let is_own = name.starts_with(HEADER_PREFIX)
                || (self.cloudevents && name.starts_with(cloud_event::PREFIX));
            !is_own
                && name != CONTENT_TYPE
                && self.headers.iter().any(|wanted| wanted == Self::ALL_HEADERS || wanted == name)
        };
        // What reads the answer continues the trace of this engine, whatever else is carried.
        let own_trace = source.trace.header();
        let mut headers = RecordHeaders::default();
        let carried = source.headers.iter().filter(|(name, _)| is_carried(name));
        for (name, value) in carried.filter(|(name, _)| own_trace.is_none() || *name != TRACEPARENT) {
            headers.push(name, value);
        }
        if let Some(header) = own_trace {
            headers.push(TRACEPARENT, Some(header.as_bytes()));
        }
        headers
    }

    /// The answer's timestamp. None: the time of writing. Kafka has no timestamps before 1970, and the client treats 0
    /// as none.
    pub(super) fn answer_timestamp(&self, source: &SourceRecord) -> Option<i64> {
        source.timestamp.filter(|&timestamp| timestamp > 0 && self.timestamp == TimestampOf::Input)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn source() -> SourceRecord {
        let mut headers = RecordHeaders::default();
        for (name, value) in [
            ("traceparent", Some(&b"00-1-2-01"[..])),
            ("content-type", Some(b"text/plain")),
            ("riveg.source.offset", Some(b"9")),
            ("tenant", None),
            ("tenant", Some(b"")),
        ] {
            headers.push(name, value);
        }
        let key = Some(Bytes::from_static(b"\xff\0"));
        SourceRecord { timestamp: Some(17), key, headers, ..samples::source() }
    }

    fn names(config: &Config) -> Vec<String> {
        config.copied_headers(&source()).iter().map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn an_answer_has_the_records_key_headers_and_timestamp_unless_set_otherwise() {
        let config = Config::of_defaults();
        assert_eq!(config.answer_key(&source(), "p"), &b"\xff\0"[..]);
        assert_eq!(config.answer_timestamp(&source()), Some(17));
        assert_eq!(names(&config), ["traceparent", "tenant", "tenant"]);
        let own = Config {
            key: KeyOf::PostId,
            headers: vec!["tenant".to_owned()],
            timestamp: TimestampOf::Now,
            ..Config::of_defaults()
        };
        assert_eq!(own.answer_key(&source(), "p"), &b"p"[..]);
        assert_eq!(own.answer_timestamp(&source()), None);
        assert_eq!(names(&own), ["tenant", "tenant"]);
    }

    #[test]
    fn an_answer_to_a_record_without_a_key_has_the_posts_id_and_an_empty_key_stays() {
        let config = Config::of_defaults();
        assert_eq!(config.answer_key(&SourceRecord { key: None, ..source() }, "p"), &b"p"[..]);
        assert_eq!(config.answer_key(&SourceRecord { key: Some(Bytes::new()), ..source() }, "p"), &b""[..]);
        for timestamp in [None, Some(0), Some(-5)] {
            assert_eq!(config.answer_timestamp(&SourceRecord { timestamp, ..source() }), None);
        }
    }
}
