//! Display of a dead letter: a line of a list, a JSON object, or all of it.

use std::fmt::Write as _;

use serde_json::json;

use super::dead_letter::DeadLetter;
use super::replay_history::State;

/// The most characters of a message in lists.
const MAX_MESSAGE: usize = 100;
/// The most bytes of a value on the screen: inline pictures would fill it for minutes.
const MAX_VALUE: usize = 4096;

impl DeadLetter {
    /// One line, without a word about replays.
    pub(in crate::cli) fn live_summary(&self) -> String {
        self.summary(State::Live)
    }

    /// One JSON object, as if the letter had not been replayed.
    pub(in crate::cli) fn live_json(&self) -> String {
        self.to_json(State::Live)
    }

    /// One line of a list.
    pub(super) fn summary(&self, state: State) -> String {
        let position = format!("{}:{}", self.position.0, self.position.1);
        let mut message: String = self.message.chars().take(MAX_MESSAGE).map(safe_char).collect();
        if self.message.chars().nth(MAX_MESSAGE).is_some() {
            message.push('…');
        }
        let mut line =
            format!("{position:<10} {} {:<17} {:<10} {message}", self.timestamp(), self.class, self.stage);
        // Writing to a string cannot fail.
        if self.attempts > 1 {
            let _ = write!(line, " [attempt {}]", self.attempts);
        }
        if !self.is_complete() {
            let _ = write!(line, " [without {}]", self.omitted().join(", "));
        }
        if state != State::Live {
            let _ = write!(line, " [{}]", state.as_str());
        }
        line
    }

    /// One JSON object.
    pub(super) fn to_json(&self, state: State) -> String {
        let [topic, partition, offset] = &self.source;
        let number = |text: &str| text.parse::<i64>().ok();
        json!({
            "partition": self.position.0,
            "offset": self.position.1,
            "written": self.written.map(|moment| humantime::format_rfc3339_millis(moment).to_string()),
            "class": self.class,
            "stage": self.stage,
            "message": self.message,
            "source": { "topic": topic, "partition": number(partition), "offset": number(offset) },
            "origin": self.origin,
            "attempts": self.attempts,
            "state": state.as_str(),
            "omitted": self.omitted(),
            "key": self.key.as_ref().map(|key| String::from_utf8_lossy(key)),
            "bytes": self.value.as_ref().map(Vec::len),
        })
        .to_string()
    }

    /// All of the letter.
    pub(super) fn details(&self) -> String {
        let mut text =
            format!("partition {}, offset {}, {}\n", self.position.0, self.position.1, self.timestamp());
        if !self.is_complete() {
            let omitted = self.omitted().join(", ");
            let _ = writeln!(text, "the topic had no room for all of the record: {omitted} left out");
        }
        for (name, value) in self.headers.iter() {
            let name: String = name.chars().map(safe_char).collect();
            let _ = writeln!(text, "{name}: {}", value.map_or("(none)".to_owned(), safe_text));
        }
        let _ =
            writeln!(text, "key: {}", self.key.as_ref().map_or("(none)".to_owned(), |key| safe_text(key)));
        let _ = match &self.value {
            None => writeln!(text, "no value"),
            Some(value) => writeln!(text, "value, {} bytes:\n{}", value.len(), safe_text(value)),
        };
        text
    }

    fn timestamp(&self) -> String {
        let written = self.written.map(|moment| humantime::format_rfc3339_millis(moment).to_string());
        written.unwrap_or_else(|| format!("{:<24}", "?"))
    }
}

/// Bytes as text without terminal control characters.
fn safe_text(bytes: &[u8]) -> String {
    let text: String =
        String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_VALUE)]).chars().map(safe_char).collect();
    if bytes.len() > MAX_VALUE { format!("{text}… ({} bytes more)", bytes.len() - MAX_VALUE) } else { text }
}

/// Replaces control and bidirectional characters, with which a hostile post could rewrite the terminal.
pub(in crate::cli) fn safe_char(character: char) -> char {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if character.is_control() || turns { '\u{fffd}' } else { character }
}

#[cfg(test)]
mod tests {
    use super::super::dead_letter::tests::letter;
    use super::*;

    #[test]
    fn what_a_post_says_cannot_take_over_the_terminal_nor_fill_it() {
        let mut letter = letter();
        letter.headers.push("na\u{1b}[2Jme", Some(b"\x1b[2J"));
        let line = letter.summary(State::Live);
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
        assert!(line.starts_with("2:17       1970-01-01T00:00:00.000Z malformed"), "{line}");
        let whole = letter.details();
        assert!(whole.ends_with("… (904 bytes more)\n") && !whole.contains('\u{1b}'), "{whole}");
    }

    #[test]
    fn a_line_says_how_often_it_was_tried_and_what_is_not_there() {
        let mut letter = letter();
        assert!(letter.summary(State::Live).ends_with("b [attempt 2]"), "{}", letter.summary(State::Live));
        letter.headers.push("riveg.error.value-omitted", Some(b"9"));
        let line = letter.summary(State::Replayed);
        assert!(line.ends_with("b [attempt 2] [without value] [replayed]"), "{line}");
        letter.attempts = 1;
        assert!(
            letter.summary(State::Live).ends_with("b [without value]"),
            "{}",
            letter.summary(State::Live)
        );
    }
}
