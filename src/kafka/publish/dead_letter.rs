//! What becomes of a post that could not be annotated? The record as it came, and in headers what went wrong where.
//!
//! The names after `riveg.error.` are those that other systems use behind prefixes of their own, so that tools for one
//! dead-letter topic are easily taught another. Names that begin with `riveg.` are ours alone: a header of the record
//! that has such a name is renamed, and gets its own name back when the record is replayed.

use bytes::Bytes;

use super::cut::Cut;
use super::lineage::Lineage;
use crate::domain::Rejection;
use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::SourceRecord;

/// What the names of our headers begin with.
pub const OURS: &str = "riveg.";
/// What stands before the name of a record's own header that begins so.
pub const RENAMED: &str = "riveg.record.";
/// A dead letter that has given up all it can is no larger, in bytes: every topic for records of any use takes it.
pub const LETTER_BYTES: usize = 4_096;
/// The longest message in a header, in bytes: a paragraph, and half of the above.
const LONGEST_MESSAGE: usize = 2_048;

/// What a dead letter is made of.
pub(super) struct Letter {
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    /// Those of the record, then ours.
    pub(super) headers: RecordHeaders,
}

/// The dead letter of a record that `attempts` processes worked on, without what it has to give up.
pub(super) fn letter(source: &SourceRecord, (rejection, attempts): (&Rejection, u32), cut: Cut) -> Letter {
    let given_up = cut.given_up(source);
    let is_given_up = |what: Cut| given_up.contains(&what);
    let mut headers = RecordHeaders::default();
    let mut omitted = source.headers.unreadable();
    for (name, value) in source.headers.iter().filter(|(name, _)| !Lineage::is_header(name)) {
        if is_given_up(Cut::Headers) {
            omitted += 1;
        } else if name.starts_with(OURS) {
            headers.push(&format!("{RENAMED}{name}"), value);
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
    add("riveg.error.message", &bounded(&rejection.message));
    if is_given_up(Cut::Value) {
        let bytes = source.value.as_ref().map_or(0, Bytes::len);
        add("riveg.error.value-omitted", &bytes.to_string());
    }
    if omitted > 0 {
        add("riveg.error.headers-omitted", &omitted.to_string());
    }
    if is_given_up(Cut::Key) {
        let bytes = source.key.as_ref().map_or(0, Bytes::len);
        add("riveg.error.key-omitted", &bytes.to_string());
    }
    // A process tries a post once: what fails for a passing reason waits inside the stage that knows the reason.
    let lineage = Lineage::of(source);
    if let Some(origin) = &lineage.origin {
        add("riveg.error.origin", origin);
    }
    add("riveg.attempts", &lineage.attempts.saturating_add(attempts).to_string());
    add("riveg.engine.version", env!("CARGO_PKG_VERSION"));
    Letter {
        key: if is_given_up(Cut::Key) { source.key.as_deref().map(hashed) } else { source.key.clone() },
        value: if is_given_up(Cut::Value) { None } else { source.value.clone() },
        headers,
    }
}

/// What stands for a key that was given up: equal keys are still equal.
fn hashed(key: &[u8]) -> Bytes {
    format!("blake3:{}", blake3::hash(key).to_hex()).into()
}

/// The beginning of a message that is too long for a header.
fn bounded(message: &str) -> String {
    if message.len() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(LONGEST_MESSAGE);
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

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
            headers: RecordHeaders::default(),
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

    fn listed(headers: &RecordHeaders) -> Vec<(String, Option<String>)> {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        headers.iter().map(|(name, value)| (name.to_owned(), value.map(text))).collect()
    }

    #[test]
    fn headers_say_where_the_record_was_and_what_went_wrong() {
        let letter = letter(&source(), (&rejection(), 1), Cut::Value);
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
    fn headers_of_the_record_stay_in_front_with_nothing_and_emptiness_apart() {
        let mut source = source();
        for value in [Some(&b"1"[..]), Some(b""), None] {
            source.headers.push("trace", value);
        }
        let listed = listed(&letter(&source, (&rejection(), 1), Cut::Nothing).headers);
        let trace = |value: Option<&str>| ("trace".to_owned(), value.map(str::to_owned));
        assert_eq!(listed[..3], [trace(Some("1")), trace(Some("")), trace(None)]);
        assert_eq!(listed[3].0, "riveg.error.topic");
        assert!(!listed.iter().any(|(name, _)| name.ends_with("-omitted")));
    }

    #[test]
    fn a_header_of_the_record_that_has_a_name_of_ours_is_renamed() {
        let mut source = source();
        source.headers.push("riveg.error.value-omitted", Some(b"9"));
        source.headers.push("riveg.record.x", None);
        let letter = letter(&source, (&rejection(), 1), Cut::Nothing);
        let names: Vec<&str> = letter.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["riveg.record.riveg.error.value-omitted", "riveg.record.riveg.record.x"]);
        assert_eq!(letter.headers.last("riveg.error.value-omitted"), None, "the record looks incomplete");
    }

    #[test]
    fn what_is_given_up_is_said_and_what_is_left_is_small() {
        let mut source = source();
        source.topic = "t".repeat(249).into();
        (source.partition, source.offset, source.timestamp) = (i32::MAX, i64::MAX, Some(i64::MIN));
        source.key = Some(vec![7; 1_000_000].into());
        source.headers.push("big", Some(&[0; 1_000_000]));
        let origin = format!("{}/{}/{}", source.topic, i32::MAX, i64::MAX);
        source.headers.push("riveg.replayed.origin", Some(origin.as_bytes()));
        source.headers.push("riveg.replayed.attempts", Some(b"4294967295"));
        let rejection = Rejection { message: "é".repeat(1_000_000), ..rejection() };
        let letter = letter(&source, (&rejection, u32::MAX), Cut::Key);
        assert_eq!(letter.headers.last("riveg.error.value-omitted"), Some(&b"9"[..]));
        assert_eq!(letter.headers.last("riveg.error.headers-omitted"), Some(&b"1"[..]));
        assert_eq!(letter.headers.last("riveg.error.key-omitted"), Some(&b"1000000"[..]));
        assert_eq!(letter.headers.last("riveg.error.origin"), Some(origin.as_bytes()));
        let key = letter.key.unwrap();
        assert!(key.starts_with(b"blake3:") && key.len() == 71, "{key:?}");
        let size = key.len() + letter.headers.bytes();
        assert!(size <= LETTER_BYTES, "{size} bytes fit into no small topic");
    }
}
