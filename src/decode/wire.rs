//! What does the record say? The JSON of an input record, before any picture in it is looked at.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::domain::{Rejection, RejectionClass};

use super::strings::{Name, Text};
use super::{Config, rejected};

/// An input record as it stands in the feed. Fields that nobody here knows are passed over.
#[derive(Debug, serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct WirePost<'a> {
    pub(super) id: Name,
    pub(super) text: Text,
    pub(super) created_at: Option<Text>,
    pub(super) lang: Option<Text>,
    pub(super) author: Option<Text>,
    #[serde(borrow, default, deserialize_with = "pictures")]
    pub(super) media: Vec<WireMedia<'a>>,
}

/// One of its pictures: base64 in `bytes`, or an address in `url`.
#[derive(Debug, serde::Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct WireMedia<'a> {
    pub(super) key: Name,
    /// What the feed calls it; the bytes decide what it is.
    #[serde(rename = "type")]
    pub(super) declared: Option<Text>,
    #[serde(borrow)]
    pub(super) bytes: Option<Cow<'a, str>>,
    pub(super) url: Option<Text>,
    pub(super) alt_text: Option<Text>,
}

/// The longest id of a post and key of a picture, in bytes. Kafka limits a key only together with its record, to 1 MB
/// unless told otherwise; this keeps the answer, which says a picture's key once for each entity, below that too.
pub(super) const LONGEST_NAME: usize = 1024;

/// The most pictures that `decode.max_media` may allow. What a record lists beyond is counted, not kept: three million
/// entries that say nothing would fit into 32 MiB, and would take ten times as much when read.
pub(super) const MOST_MEDIA: usize = 1000;

/// Reads a record within the limits on its text, id and number of pictures.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read<'a>(payload: &'a [u8], config: &Config) -> Result<WirePost<'a>, Rejection> {
    let size = payload.len() as u64;
    if size > config.max_record.as_u64() {
        let message =
            format!("the record has {size} bytes, more than the {} of decode.max_record", config.max_record);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    let json = std::str::from_utf8(payload).map_err(|fault| {
        let message = format!("the record is not UTF-8: byte {} begins no character", fault.valid_up_to());
        rejected(RejectionClass::Malformed, message)
    })?;
    // No JSON begins with a byte order mark, but some editors write one.
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    // The derived reader would take an array of the fields' values too, which no feed means.
    if json.trim_start().starts_with('[') {
        let message = "the record is not a post: found an array, expected an object";
        return Err(rejected(RejectionClass::Malformed, message.to_owned()));
    }
    let post: WirePost<'a> = serde_json::from_str(json).map_err(|fault| explained(json, &fault))?;
    within_limits(&post, config)?;
    Ok(post)
}

fn within_limits(post: &WirePost<'_>, config: &Config) -> Result<(), Rejection> {
    if post.id.0.is_empty() {
        return Err(rejected(RejectionClass::Malformed, "`id` is empty".to_owned()));
    }
    name_within_limits("id", &post.id)?;
    let text = post.text.0.len() as u64;
    if text > config.max_text.as_u64() {
        let message =
            format!("`text` has {text} bytes, more than the {} of decode.max_text", config.max_text);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    let media = &post.media;
    if media.len() > config.max_media {
        let message = format!("`media` has more entries than the {} of decode.max_media", config.max_media);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    for (index, medium) in media.iter().enumerate() {
        name_within_limits(&format!("media[{index}].key"), &medium.key)?;
        if media[..index].iter().any(|earlier| earlier.key == medium.key) {
            let message =
                format!("`media[{index}].key`: `{}` names an earlier picture too", brief(&medium.key.0));
            return Err(rejected(RejectionClass::Malformed, message));
        }
    }
    Ok(())
}

fn name_within_limits(field: &str, Name(name): &Name) -> Result<(), Rejection> {
    if name.len() <= LONGEST_NAME {
        return Ok(());
    }
    let message =
        format!("`{field}` has {} bytes, more than the {LONGEST_NAME} that a name may have", name.len());
    Err(rejected(RejectionClass::TooLarge, message))
}

/// Reads again, slowly, to learn where the record is wrong: the good records do not pay for it.
fn explained(json: &str, first: &serde_json::Error) -> Rejection {
    let message = match serde_path_to_error::deserialize::<_, WirePost<'_>>(
        &mut serde_json::Deserializer::from_str(json),
    ) {
        Err(fault) if fault.inner().is_data() && fault.path().iter().next().is_some() => {
            format!("the record is not a post: at `{}`: {}", fault.path(), fault.inner())
        }
        Err(fault) if fault.inner().is_data() => format!("the record is not a post: {}", fault.inner()),
        Err(fault) => format!("the record is not JSON: {}", fault.inner()),
        // The slow reader stops where the post ends; only the first saw that something follows.
        Ok(_) => format!("the record is not JSON: {first}"),
    };
    rejected(RejectionClass::Malformed, brief(&message))
}

/// The beginning of a long string, since faults quote what they found and that may be a megabyte.
pub(super) fn brief(message: &str) -> String {
    const LONGEST: usize = 400; // characters: a paragraph, and far below the limit on Kafka headers
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// The pictures that a record lists, where it lists any: no more than one above the most that may be allowed.
fn pictures<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<WireMedia<'de>>, D::Error> {
    Ok(Option::<Listed<'de>>::deserialize(deserializer)?.map_or_else(Vec::new, |listed| listed.0))
}

struct Listed<'a>(Vec<WireMedia<'a>>);

impl<'de> Deserialize<'de> for Listed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Listed<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Listed<'de>, A::Error> {
        let mut listed = Vec::new();
        while listed.len() <= MOST_MEDIA {
            match entries.next_element()? {
                Some(medium) => listed.push(medium),
                None => return Ok(Listed(listed)),
            }
        }
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Listed(listed))
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
