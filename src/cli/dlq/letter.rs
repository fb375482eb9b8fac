//! What does a dead letter say? Its headers read, and the record that it holds.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};
use serde_json::json;

/// Longer messages are cut in lists.
const LINE: usize = 100;
/// Longer values are cut on the screen: pictures inline fill it for minutes.
const SCREEN: usize = 4096;

/// A dead letter.
#[derive(Debug, Clone, Default)]
pub(super) struct Letter {
    /// Partition and offset in the topic of dead letters.
    pub(super) place: (i32, i64),
    /// When it was written there.
    pub(super) written: Option<SystemTime>,
    pub(super) class: String,
    pub(super) stage: String,
    pub(super) message: String,
    /// Topic, partition and offset of the record.
    pub(super) source: [String; 3],
    /// Every header, in order.
    headers: Vec<(String, Option<Vec<u8>>)>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

impl Letter {
    pub(super) fn read(message: &BorrowedMessage<'_>) -> Self {
        let listed = message.headers().map(|headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        });
        let headers: Vec<(String, Option<Vec<u8>>)> = listed.unwrap_or_default();
        let text = |name: &str| {
            // The last one is ours: those of the record come first, and may be of an earlier round.
            let found = headers.iter().rev().find(|(other, _)| other == name);
            let value = found.and_then(|(_, value)| value.as_deref()).unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        };
        let millis = message.timestamp().to_millis().and_then(|millis| u64::try_from(millis).ok());
        Self {
            place: (message.partition(), message.offset()),
            written: millis.map(|millis| UNIX_EPOCH + Duration::from_millis(millis)),
            class: text("riveg.error.class"),
            stage: text("riveg.error.stage"),
            message: text("riveg.error.message"),
            source: ["topic", "partition", "offset"].map(|name| text(&format!("riveg.error.{name}"))),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }

    /// Whether the record is all there.
    pub(super) fn is_whole(&self) -> bool {
        !self.headers.iter().any(|(name, _)| name == "riveg.error.value-omitted")
    }

    /// The record's own headers, and where it was set aside.
    pub(super) fn original_headers(&self, topic: &str) -> OwnedHeaders {
        let ours = |name: &str| {
            name.starts_with("riveg.error.")
                || matches!(name, "riveg.attempts" | "riveg.engine.version" | "riveg.replayed.from")
        };
        let theirs = self.headers.iter().filter(|(name, _)| !ours(name));
        let headers = theirs.fold(OwnedHeaders::new(), |headers, (name, value)| {
            headers.insert(Header { key: name, value: value.as_deref() })
        });
        let from = format!("{topic}/{}/{}", self.place.0, self.place.1);
        headers.insert(Header { key: "riveg.replayed.from", value: Some(&from) })
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    /// For a list.
    pub(super) fn line(&self) -> String {
        let place = format!("{}:{}", self.place.0, self.place.1);
        let mut message: String = self.message.chars().take(LINE).map(plain).collect();
        if self.message.chars().nth(LINE).is_some() {
            message.push('…');
        }
        format!("{place:<10} {} {:<17} {:<10} {message}", self.moment(), self.class, self.stage)
    }

    /// For other programs.
    pub(super) fn to_json(&self) -> String {
        let [topic, partition, offset] = &self.source;
        let number = |text: &str| text.parse::<i64>().ok();
        json!({
            "partition": self.place.0,
            "offset": self.place.1,
            "written": self.written.map(|moment| humantime::format_rfc3339_millis(moment).to_string()),
            "class": self.class,
            "stage": self.stage,
            "message": self.message,
            "source": { "topic": topic, "partition": number(partition), "offset": number(offset) },
            "key": self.key.as_ref().map(|key| String::from_utf8_lossy(key)),
            "bytes": self.value.as_ref().map(Vec::len),
        })
        .to_string()
    }

    /// All of it, for people.
    pub(super) fn whole(&self) -> String {
        let mut text = format!("partition {}, offset {}, {}\n", self.place.0, self.place.1, self.moment());
        // Writing to a string cannot fail.
        for (name, value) in &self.headers {
            let _ = writeln!(
                text,
                "{name}: {}",
                value.as_ref().map_or("(none)".to_owned(), |value| shown(value))
            );
        }
        let _ = writeln!(text, "key: {}", self.key.as_ref().map_or("(none)".to_owned(), |key| shown(key)));
        let _ = match &self.value {
            None => writeln!(text, "no value"),
            Some(value) => writeln!(text, "value, {} bytes:\n{}", value.len(), shown(value)),
        };
        text
    }

    fn moment(&self) -> String {
        let written = self.written.map(|moment| humantime::format_rfc3339_millis(moment).to_string());
        written.unwrap_or_else(|| format!("{:<24}", "?"))
    }
}

/// Bytes as text that cannot take over a terminal.
fn shown(bytes: &[u8]) -> String {
    let text: String =
        String::from_utf8_lossy(&bytes[..bytes.len().min(SCREEN)]).chars().map(plain).collect();
    if bytes.len() > SCREEN { format!("{text}… ({} bytes more)", bytes.len() - SCREEN) } else { text }
}

/// A hostile post must not move the cursor of who looks at it.
fn plain(character: char) -> char {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if character.is_control() || turns { '\u{fffd}' } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        Letter {
            place: (2, 17),
            written: Some(UNIX_EPOCH),
            class: "malformed".to_owned(),
            stage: "decode".to_owned(),
            message: "a\u{1b}[2J\u{202e}b".to_owned(),
            source: ["posts", "1", "5"].map(str::to_owned),
            headers: vec![
                header("trace", "1"),
                ("empty".to_owned(), None),
                header("riveg.error.class", "malformed"),
                header("riveg.attempts", "1"),
            ],
            key: Some(b"k".to_vec()),
            value: Some(vec![b'x'; 5000]),
        }
    }

    #[test]
    fn a_record_goes_round_with_its_own_headers_and_where_it_was() {
        let headers = letter().original_headers("dead");
        let listed: Vec<(&str, Option<&[u8]>)> =
            headers.iter().map(|header| (header.key, header.value)).collect();
        let expected: [(&str, Option<&[u8]>); 3] =
            [("trace", Some(b"1")), ("empty", None), ("riveg.replayed.from", Some(b"dead/2/17"))];
        assert_eq!(listed, expected);
    }

    #[test]
    fn what_a_post_says_cannot_take_over_the_terminal_nor_fill_it() {
        let letter = letter();
        assert!(!letter.line().contains(['\u{1b}', '\u{202e}']), "{}", letter.line());
        assert!(
            letter.line().starts_with("2:17       1970-01-01T00:00:00.000Z malformed"),
            "{}",
            letter.line()
        );
        assert!(letter.whole().ends_with("… (904 bytes more)\n"), "{}", letter.whole());
    }

    #[test]
    fn a_value_that_was_left_out_makes_it_no_whole_record() {
        let mut letter = letter();
        assert!(letter.is_whole());
        letter.headers.push(("riveg.error.value-omitted".to_owned(), Some(b"9".to_vec())));
        assert!(!letter.is_whole());
    }
}
