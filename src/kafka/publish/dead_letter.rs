//! Dead letters: the record of a post that could not be annotated, with the reason in its headers.
//!
//! Names after `riveg.error.` are those that other systems use with their own prefixes, so that tools for dead-letter
//! topics are easy to adapt. The prefix `riveg.` is reserved: a header of the record with such a name is renamed, and
//! gets its name back when the record is replayed.

use bytes::Bytes;

use super::replay_history::ReplayHistory;
use super::truncation::Truncation;
use crate::domain::Rejection;
use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::SourceRecord;

/// The prefix of all headers that the engine adds.
pub const HEADER_PREFIX: &str = "riveg.";
/// The prefix that a record's own header gets if its name begins with [`HEADER_PREFIX`].
pub const RENAMED_HEADER_PREFIX: &str = "riveg.record.";
/// The largest size of a fully truncated dead letter, in bytes: every useful topic accepts it.
pub const MAX_TRUNCATED_LETTER: usize = 4_096;
/// The longest message in a header, in bytes: a paragraph, and half of the above.
const MAX_MESSAGE: usize = 2_048;

/// Key, value and headers of a dead letter.
pub(super) struct DeadLetter {
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    /// Those of the record, then those of the engine.
    pub(super) headers: RecordHeaders,
}

impl DeadLetter {
    /// The dead letter of a record that `attempts` processes worked on.
    pub(super) fn new(
        source: &SourceRecord,
        (rejection, attempts): (&Rejection, u32),
        truncation: Truncation,
    ) -> Self {
        let omitted_parts = truncation.omitted_parts(source);
        let is_omitted = |part: Truncation| omitted_parts.contains(&part);
        let mut headers = RecordHeaders::default();
        let mut omitted_headers = source.headers.unreadable();
        for (name, value) in source.headers.iter().filter(|(name, _)| !ReplayHistory::is_header(name)) {
            if is_omitted(Truncation::Headers) {
                omitted_headers += 1;
            } else if name.starts_with(HEADER_PREFIX) {
                headers.push(&format!("{RENAMED_HEADER_PREFIX}{name}"), value);
            } else {
                headers.push(name, value);
            }
        }
        let mut add = |name: &str, value: &str| headers.push(name, Some(value.as_bytes()));
        add("riveg.error.topic", &source.topic);
        add("riveg.error.partition", &source.partition.to_string());
        add("riveg.error.offset", &source.offset.to_string());
        if let Some(timestamp) = source.timestamp {
            add("riveg.error.timestamp", &timestamp.to_string());
        }
        add("riveg.error.stage", rejection.stage);
        add("riveg.error.class", rejection.class.as_str());
        add("riveg.error.message", &truncated(&rejection.message));
        if is_omitted(Truncation::Value) {
            let bytes = source.value.as_ref().map_or(0, Bytes::len);
            add("riveg.error.value-omitted", &bytes.to_string());
        }
        if omitted_headers > 0 {
            add("riveg.error.headers-omitted", &omitted_headers.to_string());
        }
        if is_omitted(Truncation::Key) {
            let bytes = source.key.as_ref().map_or(0, Bytes::len);
            add("riveg.error.key-omitted", &bytes.to_string());
        }
        // A process tries a post once. Failures that may pass are retried inside the stage where they occur.
        let replays = ReplayHistory::of(source);
        if let Some(origin) = &replays.origin {
            add("riveg.error.origin", origin);
        }
        add("riveg.attempts", &replays.attempts.saturating_add(attempts).to_string());
        add("riveg.engine.version", env!("CARGO_PKG_VERSION"));
        Self {
            key: if is_omitted(Truncation::Key) {
                source.key.as_deref().map(hashed)
            } else {
                source.key.clone()
            },
            value: if is_omitted(Truncation::Value) { None } else { source.value.clone() },
            headers,
        }
    }
}

/// Replaces a key that was dropped: equal keys stay equal.
fn hashed(key: &[u8]) -> Bytes {
    format!("blake3:{}", blake3::hash(key).to_hex()).into()
}

/// A message, truncated if it is too long for a header.
fn truncated(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MAX_MESSAGE);
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::domain::RejectionClass;

    fn source() -> SourceRecord {
        SourceRecord {
            topic: "posts".into(),
            partition: 3,
            offset: 17,
            timestamp: Some(1_750_000_000_123),
            key: Some(Bytes::from_static(b"k")),
            value: Some(Bytes::from_static(b"123456789")),
            ..samples::source()
        }
    }

    fn rejection() -> Rejection {
        Rejection {
            stage: "decode",
            class: RejectionClass::Malformed,
            message: "not JSON: line 1".to_owned(),
        }
    }

    fn listed(headers: &RecordHeaders) -> Vec<(String, Option<String>)> {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        headers.iter().map(|(name, value)| (name.to_owned(), value.map(text))).collect()
    }

    #[test]
    fn headers_name_the_position_of_the_record_and_the_rejection() {
        let letter = DeadLetter::new(&source(), (&rejection(), 1), Truncation::Value);
        assert_eq!((letter.key.as_deref(), letter.value), (Some(&b"k"[..]), None));
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
        assert_eq!(listed(&letter.headers), expected);
    }

    #[test]
    fn headers_of_the_record_come_first_and_absent_and_empty_values_stay_apart() {
        let mut source = source();
        for value in [Some(&b"1"[..]), Some(b""), None] {
            source.headers.push("trace", value);
        }
        let listed = listed(&DeadLetter::new(&source, (&rejection(), 1), Truncation::None).headers);
        let trace = |value: Option<&str>| ("trace".to_owned(), value.map(str::to_owned));
        assert_eq!(listed[..3], [trace(Some("1")), trace(Some("")), trace(None)]);
        assert_eq!(listed[3].0, "riveg.error.topic");
        assert!(!listed.iter().any(|(name, _)| name.ends_with("-omitted")));
    }

    #[test]
    fn a_header_of_the_record_with_a_reserved_name_is_renamed() {
        let mut source = source();
        source.headers.push("riveg.error.value-omitted", Some(b"9"));
        source.headers.push("riveg.record.x", None);
        let letter = DeadLetter::new(&source, (&rejection(), 1), Truncation::None);
        let names: Vec<&str> = letter.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["riveg.record.riveg.error.value-omitted", "riveg.record.riveg.record.x"]);
        assert_eq!(letter.headers.last("riveg.error.value-omitted"), None, "the record looks incomplete");
    }

    #[test]
    fn omitted_parts_are_named_and_a_fully_truncated_letter_is_small() {
        let mut source = source();
        source.topic = "t".repeat(249).into();
        (source.partition, source.offset, source.timestamp) = (i32::MAX, i64::MAX, Some(i64::MIN));
        source.key = Some(vec![7; 1_000_000].into());
        source.headers.push("big", Some(&[0; 1_000_000]));
        let origin = format!("{}/{}/{}", source.topic, i32::MAX, i64::MAX);
        source.headers.push("riveg.replayed.origin", Some(origin.as_bytes()));
        source.headers.push("riveg.replayed.attempts", Some(b"4294967295"));
        let rejection = Rejection { message: "é".repeat(1_000_000), ..rejection() };
        let letter = DeadLetter::new(&source, (&rejection, u32::MAX), Truncation::Key);
        assert_eq!(letter.headers.last("riveg.error.value-omitted"), Some(&b"9"[..]));
        assert_eq!(letter.headers.last("riveg.error.headers-omitted"), Some(&b"1"[..]));
        assert_eq!(letter.headers.last("riveg.error.key-omitted"), Some(&b"1000000"[..]));
        assert_eq!(letter.headers.last("riveg.error.origin"), Some(origin.as_bytes()));
        let key = letter.key.unwrap();
        assert!(key.starts_with(b"blake3:") && key.len() == 71, "{key:?}");
        let size = key.len() + letter.headers.bytes();
        assert!(size <= MAX_TRUNCATED_LETTER, "{size} bytes are too many for a small topic");
    }
}
