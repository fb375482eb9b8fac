//! What becomes of a post that could not be annotated? The record as it came, and in headers what went wrong where.
//!
//! The names after `riveg.error.` are those that other systems use behind prefixes of their own, so that tools for one
//! dead-letter topic are easily taught another.

use rdkafka::message::{Header, OwnedHeaders};

use crate::domain::Rejection;
use crate::ingest::SourceRecord;

/// The headers of a dead letter: those of the record, then ours.
///
/// `attempts` is how many processes worked on the record; `omitted` the number of bytes of a value that was too large to
/// be written again.
pub(super) fn headers(
    source: &SourceRecord,
    (rejection, attempts): (&Rejection, u32),
    omitted: Option<usize>,
) -> OwnedHeaders {
    let mut headers = source.headers.clone().unwrap_or_default();
    let mut add = |name: &str, value: &str| {
        headers = std::mem::take(&mut headers).insert(Header { key: name, value: Some(value) });
    };
    add("riveg.error.topic", &source.topic);
    add("riveg.error.partition", &source.partition.to_string());
    add("riveg.error.offset", &source.offset.to_string());
    if let Some(timestamp) = source.timestamp {
        add("riveg.error.timestamp", &timestamp.to_string());
    }
    add("riveg.error.stage", rejection.stage);
    add("riveg.error.class", rejection.class.as_str());
    add("riveg.error.message", &rejection.message);
    if let Some(bytes) = omitted {
        add("riveg.error.value-omitted", &bytes.to_string());
    }
    // A process tries a post once: what fails for a passing reason waits inside the stage that knows the reason.
    add("riveg.attempts", &attempts.to_string());
    add("riveg.engine.version", env!("CARGO_PKG_VERSION"));
    headers
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use rdkafka::message::Headers;

    use super::*;
    use crate::domain::RejectionClass;

    fn source(headers: Option<OwnedHeaders>) -> SourceRecord {
        SourceRecord {
            topic: "posts".into(),
            partition: 3,
            offset: 17,
            timestamp: Some(1_750_000_000_123),
            key: None,
            value: None,
            headers,
            received: UNIX_EPOCH,
        }
    }

    fn rejection() -> Rejection {
        Rejection {
            stage: "decode",
            class: RejectionClass::Malformed,
            message: "not JSON: line 1".to_owned(),
        }
    }

    fn listed(headers: &OwnedHeaders) -> Vec<(String, Option<String>)> {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(text))).collect()
    }

    #[test]
    fn headers_say_where_the_record_was_and_what_went_wrong() {
        let listed = listed(&headers(&source(None), (&rejection(), 1), Some(9)));
        let expected = [
            ("riveg.error.topic", "posts"),
            ("riveg.error.partition", "3"),
            ("riveg.error.offset", "17"),
            ("riveg.error.timestamp", "1750000000123"),
            ("riveg.error.stage", "decode"),
            ("riveg.error.class", "malformed"),
            ("riveg.error.message", "not JSON: line 1"),
            ("riveg.error.value-omitted", "9"),
            ("riveg.attempts", "1"),
            ("riveg.engine.version", env!("CARGO_PKG_VERSION")),
        ]
        .map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
        assert_eq!(listed, expected);
    }

    #[test]
    fn headers_of_the_record_stay_in_front_with_nothing_and_emptiness_apart() {
        let own = OwnedHeaders::new()
            .insert(Header { key: "trace", value: Some("1") })
            .insert(Header { key: "trace", value: Some("") })
            .insert(Header { key: "trace", value: None::<&str> });
        let listed = listed(&headers(&source(Some(own)), (&rejection(), 1), None));
        let trace = |value: Option<&str>| ("trace".to_owned(), value.map(str::to_owned));
        assert_eq!(listed[..3], [trace(Some("1")), trace(Some("")), trace(None)]);
        assert_eq!(listed[3].0, "riveg.error.topic");
        assert!(!listed.iter().any(|(name, _)| name == "riveg.error.value-omitted"));
    }
}
