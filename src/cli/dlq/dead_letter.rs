//! Dead letter: its parsed headers, and the record that it holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;

use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::InputTopics;
use crate::kafka::publish::{
    HEADER_PREFIX, KEY_ADDED_HEADER, RENAMED_HEADER_PREFIX, REPLAY_ATTEMPTS, REPLAY_ORIGIN, REPLAYED_FROM,
};

/// A dead letter.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct DeadLetter {
    /// Partition and offset in the topic of dead letters.
    pub(super) position: (i32, i64),
    /// When it was written there.
    pub(super) written: Option<SystemTime>,
    pub(super) class: String,
    pub(super) stage: String,
    pub(in crate::cli) message: String,
    /// Topic, partition and offset of the record.
    pub(super) source: [String; 3],
    /// The same of the first attempt, as one text.
    pub(super) origin: String,
    /// Attempts, replays included.
    pub(super) attempts: u32,
    /// Every header, in order.
    pub(super) headers: RecordHeaders,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
}

impl DeadLetter {
    pub(in crate::cli) fn read(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(RecordHeaders::read).unwrap_or_default();
        // The last header of a name is that of the engine: older engines kept the headers of the record, which come first.
        let text = |name: &str| String::from_utf8_lossy(headers.last(name).unwrap_or_default()).into_owned();
        let source = ["topic", "partition", "offset"].map(|name| text(&format!("riveg.error.{name}")));
        let origin = text("riveg.error.origin");
        let is_keyless = headers.last(KEY_ADDED_HEADER).is_some();
        let millis = message.timestamp().to_millis().and_then(|millis| u64::try_from(millis).ok());
        Self {
            position: (message.partition(), message.offset()),
            written: millis.map(|millis| UNIX_EPOCH + Duration::from_millis(millis)),
            class: text("riveg.error.class"),
            stage: text("riveg.error.stage"),
            message: text("riveg.error.message"),
            origin: if origin.is_empty() { source.join("/") } else { origin },
            source,
            attempts: text("riveg.attempts").parse().unwrap_or(1),
            key: message.key().filter(|_| !is_keyless).map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }

    /// The parts of the record that were too large for the topic.
    pub(super) fn omitted(&self) -> Vec<&'static str> {
        let is_said =
            |part: &&str| self.headers.iter().any(|(name, _)| name == format!("riveg.error.{part}-omitted"));
        ["value", "headers", "key"].into_iter().filter(is_said).collect()
    }

    /// Whether the letter holds the whole record.
    pub(super) fn is_complete(&self) -> bool {
        self.omitted().is_empty()
    }

    /// The topic to which the record is written again: the one that is read, or, of several, the one that it came from. None
    /// if that one is not read.
    pub(super) fn target<'a>(&'a self, input: &'a InputTopics) -> Option<&'a str> {
        input.only().or_else(|| Some(self.source[0].as_str()).filter(|topic| input.has(topic)))
    }

    /// The identity of the record over all replays. It includes the content: a record with forged replay headers is
    /// another one.
    pub(super) fn record(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        // Lengths come before texts, and 0 means an absent part, so that different records never give the same bytes.
        for part in [Some(self.origin.as_bytes()), self.key.as_deref(), self.value.as_deref()] {
            hasher.update(&part.map_or(0, |part| part.len() as u64 + 1).to_le_bytes());
            hasher.update(part.unwrap_or_default());
        }
        hasher.finalize()
    }

    /// The headers of the record under their original names, and those of the replay.
    pub(super) fn original_headers(&self, topic: &str) -> RecordHeaders {
        let is_ours = |name: &str| {
            name.starts_with("riveg.error.")
                || name.starts_with("riveg.replayed.")
                || matches!(name, "riveg.attempts" | "riveg.engine.version")
        };
        let mut headers = RecordHeaders::default();
        for (name, value) in self.headers.iter().filter(|(name, _)| !is_ours(name)) {
            let own = name.strip_prefix(RENAMED_HEADER_PREFIX).filter(|own| own.starts_with(HEADER_PREFIX));
            headers.push(own.unwrap_or(name), value);
        }
        let from = format!("{topic}/{}/{}", self.position.0, self.position.1);
        for (name, value) in [
            (REPLAYED_FROM, &from),
            (REPLAY_ORIGIN, &self.origin),
            (REPLAY_ATTEMPTS, &self.attempts.to_string()),
        ] {
            headers.push(name, Some(value.as_bytes()));
        }
        headers
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::dlq) fn letter() -> DeadLetter {
        let mut headers = RecordHeaders::default();
        headers.push("trace", Some(b"1"));
        headers.push("empty", None);
        headers.push("riveg.record.riveg.error.class", Some(b"mine"));
        headers.push("riveg.error.class", Some(b"malformed"));
        headers.push("riveg.attempts", Some(b"1"));
        DeadLetter {
            position: (2, 17),
            written: Some(UNIX_EPOCH),
            class: "malformed".to_owned(),
            stage: "decode".to_owned(),
            message: "a\u{1b}[2J\u{202e}b".to_owned(),
            source: ["posts", "1", "5"].map(str::to_owned),
            origin: "posts/0/3".to_owned(),
            attempts: 2,
            headers,
            key: Some(b"k".to_vec()),
            value: Some(vec![b'x'; 5000]),
        }
    }

    #[test]
    fn a_record_goes_round_with_its_own_headers_and_where_it_was() {
        let headers = letter().original_headers("dead");
        let expected: [(&str, Option<&[u8]>); 6] = [
            ("trace", Some(b"1")),
            ("empty", None),
            ("riveg.error.class", Some(b"mine")),
            ("riveg.replayed.from", Some(b"dead/2/17")),
            ("riveg.replayed.origin", Some(b"posts/0/3")),
            ("riveg.replayed.attempts", Some(b"2")),
        ];
        assert_eq!(headers.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_record_goes_back_to_the_topic_it_came_from_where_several_are_read() {
        let topics =
            |entries: &[&str]| InputTopics::new(entries.iter().map(|&entry| entry.to_owned()).collect());
        let letter = letter();
        for (entries, target) in [
            (&["renamed"][..], Some("renamed")),
            (&["a", "posts"], Some("posts")),
            (&["^po.*"], Some("posts")),
            (&["a", "b"], None),
        ] {
            assert_eq!(letter.target(&topics(entries)), target, "{entries:?}");
        }
        let own = topics(&["^.*"]).without(vec!["posts".to_owned()]);
        assert_eq!(letter.target(&own), None, "the engine does not read it");
    }

    #[test]
    fn what_was_left_out_makes_it_no_whole_record_and_a_header_of_the_record_does_not() {
        let mut letter = letter();
        letter.headers.push("riveg.record.riveg.error.value-omitted", Some(b"9"));
        assert!(letter.is_complete());
        letter.headers.push("riveg.error.key-omitted", Some(b"9"));
        letter.headers.push("riveg.error.value-omitted", Some(b"9"));
        assert_eq!(letter.omitted(), ["value", "key"]);
    }

    #[test]
    fn a_record_is_what_it_holds_and_where_it_was_first() {
        let first = letter();
        let mut again = letter();
        (again.position, again.attempts, again.source[2]) = ((0, 99), 3, "88".to_owned());
        assert_eq!(first.record(), again.record());
        for other in [
            DeadLetter { value: None, ..letter() },
            DeadLetter { value: Some(Vec::new()), ..letter() },
            DeadLetter { key: Some(b"kx".to_vec()), ..letter() },
            DeadLetter { origin: "posts/0/4".to_owned(), ..letter() },
        ] {
            assert_ne!(other.record(), first.record(), "{other:?}");
        }
    }
}
