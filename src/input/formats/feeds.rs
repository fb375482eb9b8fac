//! Feeds: which format reads the records of a topic, and what becomes of events that no format knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{Rejection, RejectionClass};
use crate::input::config::Config;
use crate::input::escape::shortened;
use crate::input::fault::rejection;

use super::FORMATS;
use super::cloud_events::{self, Unwrapped};
use super::format::{Event, Format, InputRecord, ReadContext};
use super::json::{self, JsonIndex, JsonValue};
use super::mapping::Mapping;

/// The name in `ingest.format` that lets the shape of a record decide.
pub const AUTO: &str = "auto";

/// The settings of feeds, as the section `ingest` has them.
#[derive(Debug, Clone)]
pub struct FeedSettings<'a> {
    /// The format of topics that `formats` does not name.
    pub format: &'a str,
    /// Format names by topic.
    pub formats: &'a BTreeMap<String, String>,
    /// Paths by field, of each mapping by its name.
    pub mappings: &'a BTreeMap<String, BTreeMap<String, String>>,
    /// Whether events that no format knows are skipped; otherwise they are rejected.
    pub skip_unknown: bool,
    /// The address of a picture of Bluesky.
    pub bluesky_pictures: &'a str,
}

/// Chooses the format of each record and reads it.
#[derive(Debug, Clone)]
pub struct Feeds {
    by_topic: BTreeMap<String, Choice>,
    /// Of records whose senders name their format.
    by_name: BTreeMap<String, Choice>,
    others: Choice,
    skip_unknown: bool,
    bluesky_pictures: String,
}

/// How the records of a topic are read.
#[derive(Debug, Clone)]
enum Choice {
    Auto,
    Format(&'static Format),
    Mapping(Arc<Mapping>),
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
            by_name: BTreeMap::new(),
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
        let unknown =
            all.filter(|(_, name)| Choice::named(name).is_none() && !self.mappings.contains_key(*name));
        let mut faults: Vec<_> = unknown.map(|(key, name)| (key, self.unknown_format(name))).collect();
        for (name, fields) in self.mappings {
            let key = format!("mappings.{name}");
            if Choice::named(name).is_some() {
                faults.push((key.clone(), "has the name of a format; it must have another".to_owned()));
            }
            let wrong = Mapping::new(name, fields).err().unwrap_or_default();
            faults.extend(wrong.into_iter().map(|(field, message)| (format!("{key}.{field}"), message)));
        }
        faults
    }

    fn unknown_format(&self, name: &str) -> String {
        let known: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        format!("is `{name}`; it must be `{AUTO}` or one of {}", known.join(", "))
    }

    /// The names of all formats and mappings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        FORMATS.iter().map(|format| format.name).chain(self.mappings.keys().map(String::as_str))
    }

    fn choice(&self, name: &str) -> Choice {
        let mapping = || Mapping::new(name, self.mappings.get(name)?).ok();
        Choice::named(name)
            .or_else(|| mapping().map(|mapping| Choice::Mapping(Arc::new(mapping))))
            .unwrap_or(Choice::Auto)
    }
}

impl Feeds {
    /// Feeds with these settings. A name that is no format, which [`FeedSettings::faults`] reports, is read as `auto`.
    #[must_use]
    pub fn new(settings: &FeedSettings<'_>) -> Self {
        let by_topic = settings.formats.iter().map(|(topic, name)| (topic.clone(), settings.choice(name)));
        let names = settings.names().chain([AUTO]);
        Self {
            others: settings.choice(settings.format),
            by_topic: by_topic.collect(),
            by_name: names.map(|name| (name.to_owned(), settings.choice(name))).collect(),
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
        let choice = self.choice_of(record);
        if is_keep_alive(&record.payload) {
            // Whatever the format: no record of any consists of white space.
            return Ok(RecordEvents {
                format: choice.name(),
                events: vec![Event::Ignored { kind: "keep_alive" }],
            });
        }
        let json = json::record_text(&record.payload)?;
        let whole = JsonValue::of(&json);
        let index = JsonIndex::of(whole.text());
        let whole = whole.indexed(&index);
        let (inner, inner_index);
        let value = match cloud_events::unwrapped(whole)? {
            Unwrapped::Bare => whole,
            Unwrapped::Data(data) => data,
            Unwrapped::Text(text) => {
                inner = text;
                let value = JsonValue::of(&inner);
                inner_index = JsonIndex::of(value.text());
                value.indexed(&inner_index)
            }
            Unwrapped::Empty(kind) => {
                let what = format!("a CloudEvent of the type `{}` without data", shortened(&kind));
                return Ok(RecordEvents { format: "cloudevents", events: vec![Event::Unknown { what }] });
            }
        };
        let context = ReadContext { limits, bluesky_pictures: &self.bluesky_pictures };
        let format = match choice {
            Choice::Format(format) => format,
            Choice::Auto => recognised(value).unwrap_or(&FORMATS[0]),
            Choice::Mapping(mapping) => {
                return Ok(RecordEvents { format: "mapping", events: mapping.read(value, &context)? });
            }
        };
        match (format.read)(value, &context) {
            Ok(events) => Ok(RecordEvents { format: format.name, events }),
            Err(rejection) => Err(with_advice(rejection, format, value, &format_key(record))),
        }
    }

    /// Where a mapping reads the records of a topic: how many values each of its paths finds in this record, under the
    /// path's setting. Empty for other formats, and for a record that cannot be read.
    #[must_use]
    pub fn found_by_paths(&self, record: &InputRecord) -> Vec<(String, usize)> {
        let Choice::Mapping(mapping) = self.choice_of(record) else { return Vec::new() };
        let Ok(json) = json::record_text(&record.payload) else { return Vec::new() };
        mapping.found(JsonValue::of(&json)).unwrap_or_default()
    }

    fn choice_of(&self, record: &InputRecord) -> &Choice {
        let named = record.format.as_deref().and_then(|name| self.by_name.get(name));
        let by_topic = || self.by_topic.get(record.topic.as_deref()?);
        named.or_else(by_topic).unwrap_or(&self.others)
    }
}

impl Choice {
    fn named(name: &str) -> Option<Self> {
        if name == AUTO {
            return Some(Self::Auto);
        }
        FORMATS.iter().find(|format| format.name == name).map(Self::Format)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Auto => AUTO,
            Self::Format(format) => format.name,
            Self::Mapping(_) => "mapping",
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
fn with_advice(mut rejection: Rejection, format: &Format, value: JsonValue<'_>, key: &str) -> Rejection {
    let Some(other) = recognised(value).filter(|other| other.name != format.name) else { return rejection };
    rejection.message += &format!(
        "; it is read as `{}` and looks like {}: set {key} to `{}` or `{AUTO}`",
        format.name, other.feed, other.name
    );
    rejection
}

/// The setting that chooses the format of such a record.
#[must_use]
pub fn format_key(record: &InputRecord) -> String {
    match (&record.format, &record.topic) {
        (Some(_), _) => "the request's `format`".to_owned(),
        (None, Some(topic)) => format!("ingest.formats.\"{topic}\""),
        (None, None) => "ingest.format".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::config::test_config;

    type Table = BTreeMap<String, String>;

    fn settings<'a>(
        format: &'a str,
        formats: &'a Table,
        mappings: &'a BTreeMap<String, Table>,
    ) -> FeedSettings<'a> {
        FeedSettings {
            format,
            formats,
            mappings,
            skip_unknown: false,
            bluesky_pictures: "https://a/{did}/{cid}",
        }
    }

    fn table(fields: &[(&str, &str)]) -> Table {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn read(feeds: &Feeds, topic: Option<&str>, payload: &str) -> Result<RecordEvents, Rejection> {
        let record = InputRecord {
            payload: payload.as_bytes().to_vec().into(),
            topic: topic.map(Into::into),
            ..InputRecord::default()
        };
        feeds.read(&record, &test_config())
    }

    #[test]
    fn a_name_that_is_no_format_is_told_with_its_key() {
        let formats = table(&[("a.b", "avr"), ("c", AUTO), ("d", "shop")]);
        let shop = table(&[("id", "$.i"), ("text", "t")]);
        let mappings =
            [("shop", shop.clone()), ("riveg", shop)].map(|(name, fields)| (name.to_owned(), fields)).into();
        let faults = settings("json", &formats, &mappings).faults();
        let keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            ["formats.a.b", "format", "mappings.riveg", "mappings.riveg.text", "mappings.shop.text"]
        );
        assert!(faults[1].1.starts_with("is `json`; it must be `auto` or one of `riveg`"), "{faults:?}");
        assert_eq!(settings("riveg", &Table::new(), &BTreeMap::new()).faults(), []);
    }

    #[test]
    fn the_topic_of_a_record_chooses_its_format_and_the_shape_where_it_may() {
        let formats = table(&[("mine", "riveg"), ("sales", "shop")]);
        let mappings = BTreeMap::from([("shop".to_owned(), table(&[("id", "$.i"), ("text", "$.t")]))]);
        let feeds = Feeds::new(&settings(AUTO, &formats, &mappings));
        let own = r#"{"id":"1","text":"x"}"#;
        for topic in [None, Some("mine"), Some("other")] {
            let read = read(&feeds, topic, own).unwrap();
            assert_eq!((read.format, read.events.len()), ("riveg", 1));
        }
        assert_eq!(read(&feeds, Some("sales"), r#"{"i":1,"t":"x"}"#).unwrap().format, "mapping");
        assert!(read(&feeds, Some("sales"), own).is_err());
    }

    #[test]
    fn the_format_that_a_sender_names_holds_before_the_settings() {
        let mappings = BTreeMap::from([("shop".to_owned(), table(&[("id", "$.i"), ("text", "$.t")]))]);
        let feeds = Feeds::new(&settings("x", &Table::new(), &mappings));
        let read = |format: Option<&str>, json: &'static str| {
            let payload = json.as_bytes().into();
            feeds.read(
                &InputRecord { payload, format: format.map(Into::into), ..InputRecord::default() },
                &test_config(),
            )
        };
        assert_eq!(read(Some("shop"), r#"{"i":1,"t":"x"}"#).unwrap().format, "mapping");
        for name in ["riveg", AUTO] {
            assert_eq!(read(Some(name), r#"{"id":"1","text":"x"}"#).unwrap().format, "riveg");
        }
        let status =
            r#"{"id":"1","content":"x","visibility":"public","uri":"https://a/1","account":{"acct":"a"}}"#;
        assert_eq!(read(Some(AUTO), status).unwrap().format, "mastodon");
        let refused = read(Some("riveg"), status).unwrap_err();
        assert!(refused.message.contains("set the request's `format` to `mastodon`"), "{refused}");
    }

    #[test]
    fn an_envelope_of_cloud_events_is_taken_off_before_the_format_is_chosen() {
        let event =
            |data: &str| format!(r#"{{"specversion":"1.0","id":"e","source":"/s","type":"t"{data}}}"#);
        let feeds = Feeds::default();
        let read = |data: &str| read(&feeds, None, &event(data)).unwrap();
        let whole = read(r#","data":{"id":"7","text":"x"}"#);
        assert!(matches!(&whole.events[..], [Event::Post(draft)] if draft.id == "7"), "{whole:?}");
        let empty = read("");
        assert!(matches!(&empty.events[..], [Event::Unknown { what }] if what.contains("`t` without data")));
    }
}
