//! Input topics: the topics that are read, by name or by pattern.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::topic_pattern::{ANCHOR, TopicPattern, anchored};
use crate::common::text_or_list;
use crate::kafka::client::{TOPIC_NAME, is_topic_name};

/// The setting `ingest.topic`: a topic, or a list of topics. An entry that begins with `^` is a pattern, which stands
/// for all topics whose whole names match it.
#[derive(Debug, Clone)]
pub struct InputTopics {
    entries: Vec<String>,
    /// Those of the entries that are patterns, and can be read as such.
    patterns: Vec<TopicPattern>,
    /// Topics that the engine writes: no pattern stands for them.
    written: Vec<String>,
}

impl InputTopics {
    /// These names and patterns.
    #[must_use]
    pub fn new(entries: Vec<String>) -> Self {
        let patterns = entries.iter().filter(|entry| is_pattern(entry));
        let patterns = patterns.filter_map(|pattern| TopicPattern::new(pattern).ok()).collect();
        Self { entries, patterns, written: Vec::new() }
    }

    /// The same without the topics that the engine writes: it would answer its own answers.
    #[must_use]
    pub fn without(self, written: Vec<String>) -> Self {
        Self { written, ..self }
    }

    /// The topics that have names here.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(String::as_str).filter(|entry| !is_pattern(entry))
    }

    /// The patterns, as they are written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(String::as_str).filter(|entry| is_pattern(entry))
    }

    /// The only topic; none if there may be several.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        match &self.entries[..] {
            [only] if !is_pattern(only) => Some(only),
            _ => None,
        }
    }

    /// Whether a topic is read.
    #[must_use]
    pub fn has(&self, topic: &str) -> bool {
        let is_written = || self.written.iter().any(|written| written == topic);
        self.names().any(|name| name == topic) || self.is_matched(topic) && !is_written()
    }

    /// The topics that a pattern matches and that are not read, because the engine writes them.
    pub fn excluded(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(String::as_str).filter(|topic| self.is_matched(topic))
    }

    /// Whether a topic matches one of the patterns.
    #[must_use]
    pub fn is_matched(&self, topic: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(topic))
    }

    /// Names and patterns for the client.
    pub(super) fn subscription(&self) -> Vec<String> {
        let entry = |entry: &String| if is_pattern(entry) { anchored(entry) } else { entry.clone() };
        self.entries.iter().map(entry).collect()
    }

    /// Why these cannot be read.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        if self.entries.is_empty() {
            return vec!["is empty; it must name a topic, or several as [\"a\", \"b\"]".to_owned()];
        }
        let mut faults = Vec::new();
        for (place, entry) in self.entries.iter().enumerate() {
            if self.entries[..place].contains(entry) {
                faults.push(format!("names `{}` twice", shown(entry)));
            } else if is_pattern(entry) {
                let fault = TopicPattern::new(entry).err();
                faults.extend(fault.map(|fault| format!("has the pattern `{}`, {fault}", shown(entry))));
            } else if !is_topic_name(entry) {
                faults.push(self.no_name(entry));
            }
        }
        faults
    }

    fn no_name(&self, entry: &str) -> String {
        let mut fault = match self.entries.len() {
            1 => TOPIC_NAME.to_owned(),
            _ => format!("names `{}`; a topic's name {TOPIC_NAME}", shown(entry)),
        };
        if entry.contains(['*', '[', '(', '|', '+', '?', '\\', '$']) {
            fault += "; a pattern begins with `^`";
        }
        fault
    }
}

fn is_pattern(entry: &str) -> bool {
    entry.starts_with(ANCHOR)
}

/// An entry in a message: without letters that move the cursor.
fn shown(entry: &str) -> String {
    entry
        .chars()
        .map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter })
        .collect()
}

/// By the entries: everything else follows from them, or from where the topics are used.
impl PartialEq for InputTopics {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// As a sentence names them: "topic `a`", "topics `a`, `^b.*`".
impl fmt::Display for InputTopics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.entries.iter().map(|entry| format!("`{entry}`")).collect();
        let noun = if self.only().is_some() { "topic" } else { "topics" };
        write!(formatter, "{noun} {}", entries.join(", "))
    }
}

impl Serialize for InputTopics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text_or_list::serialize(&self.entries, serializer)
    }
}

impl<'de> Deserialize<'de> for InputTopics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a topic in quotes, or a list such as [\"a\", \"b\"]";
        text_or_list::deserialize(deserializer, expecting).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(text: &str) -> InputTopics {
        let mut table: toml::Table = format!("topic = {text}").parse().unwrap();
        table.remove("topic").unwrap().try_into().unwrap()
    }

    #[test]
    fn a_text_is_one_topic_and_a_list_has_topics_and_patterns() {
        let one = topics("\"posts\"");
        assert_eq!((one.only(), one.to_string().as_str()), (Some("posts"), "topic `posts`"));
        assert_eq!(one, topics("[\"posts\"]"));
        let several = topics(r#"["a", '^posts\..*']"#);
        assert_eq!(several.names().collect::<Vec<_>>(), ["a"]);
        assert_eq!(several.patterns().collect::<Vec<_>>(), ["^posts\\..*"]);
        assert_eq!((several.only(), topics("'^a.*'").only()), (None, None));
        assert_eq!(several.subscription(), ["a", "^(posts\\..*)$"]);
        assert_eq!(
            ["a", "posts.x", "posts", "b"].map(|topic| several.has(topic)),
            [true, true, false, false]
        );
        let several = several.without(vec!["posts.out".to_owned(), "other.out".to_owned()]);
        assert_eq!(["posts.out", "posts.x"].map(|topic| several.has(topic)), [false, true]);
        assert_eq!(several.excluded().collect::<Vec<_>>(), ["posts.out"]);
        assert_eq!(several.to_string(), "topics `a`, `^posts\\..*`");
        assert_eq!([one, several].map(|topics| topics.faults()), [[""; 0], [""; 0]]);
    }

    #[test]
    fn what_names_no_topic_is_told() {
        let cases: [(&str, &[&str]); 8] = [
            ("[]", &["is empty; it must name a topic"]),
            ("\"\"", &["must be 1 to 249 letters"]),
            ("\"a b\"", &["must be 1 to 249 letters"]),
            ("\"posts.*\"", &["; a pattern begins with `^`"]),
            ("[\"a\", \"b c\"]", &["names `b c`; a topic's name must be 1 to 249"]),
            ("[\"a\", \"^b\", \"a\", \"^b\"]", &["names `a` twice", "names `^b` twice"]),
            ("[\"a\", '^b\\d']", &["has the pattern `^b\\d`, which has `\\d`"]),
            ("'^(a'", &["has the pattern `^(a`, which is no regular expression: unclosed group"]),
        ];
        for (text, expected) in cases {
            let faults = topics(text).faults();
            assert_eq!(faults.len(), expected.len(), "{text}: {faults:?}");
            for (fault, expected) in faults.iter().zip(expected) {
                assert!(fault.contains(expected), "{text}: {fault}");
            }
        }
    }
}
