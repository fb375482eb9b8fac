//! How is a dead letter shown? A line of a list, a JSON object for other programs, or all of it.

use std::fmt::Write as _;

use serde_json::json;

use super::history::State;
use super::letter::Letter;

/// Longer messages are cut in lists.
const LINE: usize = 100;
/// Longer values are cut on the screen: pictures inline fill it for minutes.
const SCREEN: usize = 4096;

impl Letter {
    /// For a list.
    pub(super) fn line(&self, state: State) -> String {
        let place = format!("{}:{}", self.place.0, self.place.1);
        let mut message: String = self.message.chars().take(LINE).map(plain).collect();
        if self.message.chars().nth(LINE).is_some() {
            message.push('…');
        }
        let mut line =
            format!("{place:<10} {} {:<17} {:<10} {message}", self.moment(), self.class, self.stage);
        // Writing to a string cannot fail.
        if self.attempts > 1 {
            let _ = write!(line, " [attempt {}]", self.attempts);
        }
        if !self.is_whole() {
            let _ = write!(line, " [without {}]", self.omitted().join(", "));
        }
        if state != State::Live {
            let _ = write!(line, " [{}]", state.as_str());
        }
        line
    }

    /// For other programs.
    pub(super) fn to_json(&self, state: State) -> String {
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
            "origin": self.origin,
            "attempts": self.attempts,
            "state": state.as_str(),
            "omitted": self.omitted(),
            "key": self.key.as_ref().map(|key| String::from_utf8_lossy(key)),
            "bytes": self.value.as_ref().map(Vec::len),
        })
        .to_string()
    }

    /// All of it, for people.
    pub(super) fn whole(&self) -> String {
        let mut text = format!("partition {}, offset {}, {}\n", self.place.0, self.place.1, self.moment());
        if !self.is_whole() {
            let omitted = self.omitted().join(", ");
            let _ = writeln!(text, "the topic had no room for all of the record: {omitted} left out");
        }
        for (name, value) in self.headers.iter() {
            let name: String = name.chars().map(plain).collect();
            let _ = writeln!(text, "{name}: {}", value.map_or("(none)".to_owned(), shown));
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
    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn what_a_post_says_cannot_take_over_the_terminal_nor_fill_it() {
        let mut letter = letter();
        letter.headers.push("na\u{1b}[2Jme", Some(b"\x1b[2J"));
        let line = letter.line(State::Live);
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
        assert!(line.starts_with("2:17       1970-01-01T00:00:00.000Z malformed"), "{line}");
        let whole = letter.whole();
        assert!(whole.ends_with("… (904 bytes more)\n") && !whole.contains('\u{1b}'), "{whole}");
    }

    #[test]
    fn a_line_says_how_often_it_was_tried_and_what_is_not_there() {
        let mut letter = letter();
        assert!(letter.line(State::Live).ends_with("b [attempt 2]"), "{}", letter.line(State::Live));
        letter.headers.push("riveg.error.value-omitted", Some(b"9"));
        let line = letter.line(State::Replayed);
        assert!(line.ends_with("b [attempt 2] [without value] [replayed]"), "{line}");
        letter.attempts = 1;
        assert!(letter.line(State::Live).ends_with("b [without value]"), "{}", letter.line(State::Live));
    }
}
