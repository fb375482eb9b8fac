//! Feeds: which format reads the records of a topic, and what becomes of events that no format knows.

use std::collections::BTreeMap;

use crate::domain::{Rejection, RejectionClass};
use crate::input::config::Config;
use crate::input::fault::rejection;

use super::FORMATS;
use super::format::{Event, Format, InputRecord, ReadContext};
use super::json::{self, JsonValue};

/// The name in `ingest.format` that lets the shape of a record decide.
pub const AUTO: &str = "auto";

/// The settings of feeds, as the section `ingest` has them.
#[derive(Debug, Clone)]
pub struct FeedSettings<'a> {
    /// The format of topics that `formats` does not name.
    pub format: &'a str,
    /// Format names by topic.
    pub formats: &'a BTreeMap<String, String>,
    /// Whether events that no format knows are skipped; otherwise they are rejected.
    pub skip_unknown: bool,
    /// The address of a picture of Bluesky.
    pub bluesky_pictures: &'a str,
}

/// Chooses the format of each record and reads it.
#[derive(Debug, Clone)]
pub struct Feeds {
    by_topic: BTreeMap<String, Choice>,
    others: Choice,
    skip_unknown: bool,
    bluesky_pictures: String,
}

/// How the records of a topic are read.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Auto,
    Format(&'static Format),
}

/// What a record says, and the format that it is written in.
#[derive(Debug)]
pub struct RecordEvents {
    /// The name of the format.
    pub format: &'static str,
    /// What the record says, in its order.
    pub events: Vec<Event>,
}

impl Default for Feeds {
    /// Every record is read in the first format.
    fn default() -> Self {
        Self {
            by_topic: BTreeMap::new(),
            others: Choice::Format(&FORMATS[0]),
            skip_unknown: false,
            bluesky_pictures: String::new(),
        }
    }
}

impl FeedSettings<'_> {
    /// Range faults: the key within the section, and why its value cannot work.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let by_topic = self.formats.iter().map(|(topic, name)| (format!("formats.{topic}"), name.as_str()));
        let all = by_topic.chain([("format".to_owned(), self.format)]);
        let unknown = all.filter(|(_, name)| Choice::named(name).is_none());
        unknown.map(|(key, name)| (key, unknown_format(name))).collect()
    }
}

impl Feeds {
    /// Feeds with these settings. A name that is no format, which [`FeedSettings::faults`] reports, is read as `auto`.
    #[must_use]
    pub fn new(settings: &FeedSettings<'_>) -> Self {
        let choice = |name: &str| Choice::named(name).unwrap_or(Choice::Auto);
        let by_topic = settings.formats.iter().map(|(topic, name)| (topic.clone(), choice(name)));
        Self {
            others: choice(settings.format),
            by_topic: by_topic.collect(),
            skip_unknown: settings.skip_unknown,
            bluesky_pictures: settings.bluesky_pictures.to_owned(),
        }
    }

    /// Whether events that no format knows are skipped.
    #[must_use]
    pub fn skips_unknown(&self) -> bool {
        self.skip_unknown
    }

    /// Reads a record in the format of its topic.
    ///
    /// # Errors
    /// `too-large` where it is longer than `decode.max_record`; else as its format says. If the record has the shape of
    /// another format, the message names that format and the setting to change.
    pub fn read(&self, record: &InputRecord, limits: &Config) -> Result<RecordEvents, Rejection> {
        let size = record.payload.len() as u64;
        if size > limits.max_record.as_u64() {
            let message = format!(
                "the record has {size} bytes, more than the {} of decode.max_record",
                limits.max_record
            );
            return Err(rejection(RejectionClass::TooLarge, message));
        }
        let topic = record.envelope.topic.as_deref();
        let choice = topic.and_then(|topic| self.by_topic.get(topic)).unwrap_or(&self.others);
        if is_keep_alive(&record.payload) {
            // Whatever the format: no record of any consists of white space.
            return Ok(RecordEvents {
                format: choice.name(),
                events: vec![Event::Ignored { kind: "keep_alive" }],
            });
        }
        let json = json::record_text(&record.payload)?;
        let value = JsonValue::of(&json);
        let format = match choice {
            Choice::Format(format) => format,
            Choice::Auto => recognised(value).unwrap_or(&FORMATS[0]),
        };
        let context = ReadContext { limits, bluesky_pictures: &self.bluesky_pictures };
        match (format.read)(value, &context) {
            Ok(events) => Ok(RecordEvents { format: format.name, events }),
            Err(rejection) => Err(with_advice(rejection, format, value, topic)),
        }
    }
}

impl Choice {
    fn named(name: &str) -> Option<Self> {
        if name == AUTO {
            return Some(Self::Auto);
        }
        FORMATS.iter().find(|format| format.name == name).map(Self::Format)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Auto => AUTO,
            Self::Format(format) => format.name,
        }
    }
}

/// Whether a record is a line break alone, by which X keeps the connection of a stream open.
fn is_keep_alive(payload: &[u8]) -> bool {
    !payload.is_empty() && payload.trim_ascii().is_empty()
}

/// The format whose shape a value has.
fn recognised(value: JsonValue<'_>) -> Option<&'static Format> {
    FORMATS.iter().find(|format| (format.recognises)(value))
}

/// The rejection, with the setting to change where the record has the shape of another format.
fn with_advice(
    mut rejection: Rejection,
    format: &Format,
    value: JsonValue<'_>,
    topic: Option<&str>,
) -> Rejection {
    let Some(other) = recognised(value).filter(|other| other.name != format.name) else { return rejection };
    rejection.message += &format!(
        "; it is read as `{}` and looks like {}: set {} to `{}` or `{AUTO}`",
        format.name,
        other.feed,
        format_key(topic),
        other.name
    );
    rejection
}

/// The setting that chooses the format of a topic's records.
#[must_use]
pub fn format_key(topic: Option<&str>) -> String {
    topic.map_or_else(|| "ingest.format".to_owned(), |topic| format!("ingest.formats.\"{topic}\""))
}

fn unknown_format(name: &str) -> String {
    let known: Vec<String> = FORMATS.iter().map(|format| format!("`{}`", format.name)).collect();
    format!("is `{name}`; it must be `{AUTO}` or one of {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::config::test_config;
    use crate::input::formats::Envelope;

    fn settings<'a>(format: &'a str, formats: &'a BTreeMap<String, String>) -> FeedSettings<'a> {
        FeedSettings { format, formats, skip_unknown: false, bluesky_pictures: "https://a/{did}/{cid}" }
    }

    #[test]
    fn a_name_that_is_no_format_is_told_with_its_key() {
        let formats =
            BTreeMap::from([("a.b".to_owned(), "avr".to_owned()), ("c".to_owned(), AUTO.to_owned())]);
        let faults = settings("json", &formats).faults();
        let keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["formats.a.b", "format"]);
        assert!(faults[1].1.starts_with("is `json`; it must be `auto` or one of `riveg`"), "{faults:?}");
        assert_eq!(settings("riveg", &BTreeMap::new()).faults(), []);
    }

    #[test]
    fn the_topic_of_a_record_chooses_its_format_and_the_shape_where_it_may() {
        let formats = BTreeMap::from([("mine".to_owned(), "riveg".to_owned())]);
        let feeds = Feeds::new(&settings(AUTO, &formats));
        for topic in [None, Some("mine"), Some("other")] {
            let envelope = Envelope { topic: topic.map(Into::into), ..Envelope::default() };
            let record = InputRecord { payload: br#"{"id":"1","text":"x"}"#[..].into(), envelope };
            let read = feeds.read(&record, &test_config()).unwrap();
            assert_eq!((read.format, read.events.len()), ("riveg", 1));
        }
    }
}
