//! What does the record say? The JSON of an input record, before any picture in it is looked at.

use std::borrow::Cow;

use crate::domain::{Rejection, RejectionClass};

use super::json::{self, Kind, Raw};
use super::strings::{name, text};
use super::{Config, rejected};

/// An input record as it stands in the feed. Fields that nobody here knows are passed over.
#[derive(Debug)]
pub(super) struct WirePost<'a> {
    pub(super) id: String,
    pub(super) text: String,
    /// Of any shape, like the two after it: they are only written on.
    pub(super) created_at: Option<Raw<'a>>,
    pub(super) lang: Option<Raw<'a>>,
    pub(super) author: Option<Raw<'a>>,
    pub(super) media: Vec<WireMedia<'a>>,
}

/// One of its media: base64 in `bytes`, or an address in `url`; neither where it is no picture.
#[derive(Debug)]
pub(super) struct WireMedia<'a> {
    pub(super) key: String,
    /// What the feed calls it; the bytes decide what it is.
    pub(super) declared: Option<String>,
    pub(super) bytes: Option<Raw<'a>>,
    pub(super) url: Option<Raw<'a>>,
    /// The address of a picture that stands for what is none.
    pub(super) preview: Option<String>,
    pub(super) alt_text: Option<String>,
}

/// The longest id of a post and key of a picture, in bytes. Kafka limits a key only together with its record, to 1 MB
/// unless told otherwise; this keeps the answer, which says a picture's key once for each entity, below that too.
pub(super) const LONGEST_NAME: usize = 1024;

/// The most pictures that `decode.max_media` may allow.
pub(super) const MOST_MEDIA: usize = 1000;

/// The JSON of a record, which may be anything yet.
///
/// # Errors
/// `malformed` where it is no JSON, with its place; `too-large` with the limit.
pub(super) fn json<'a>(payload: &'a [u8], config: &Config) -> Result<Cow<'a, str>, Rejection> {
    let size = payload.len() as u64;
    if size > config.max_record.as_u64() {
        let message =
            format!("the record has {size} bytes, more than the {} of decode.max_record", config.max_record);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    let json = std::str::from_utf8(payload).map_err(|fault| {
        malformed(&format!("the record is not UTF-8: byte {} begins no character", fault.valid_up_to()))
    })?;
    // No JSON begins with a byte order mark, but some editors write one.
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    let Err(fault) = json::check(json) else { return Ok(Cow::Borrowed(json)) };
    // Feeds that pass on what people typed do not always escape it: the good records do not pay for them.
    match json::with_controls_escaped(json).filter(|escaped| json::check(escaped).is_ok()) {
        Some(escaped) => Ok(Cow::Owned(escaped)),
        None => Err(malformed(&format!("the record is not JSON: {fault}"))),
    }
}

/// Reads a record's JSON within the limits on its text, id and number of pictures.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read<'a>(json: &'a str, config: &Config) -> Result<WirePost<'a>, Rejection> {
    let record = Raw::of(json);
    expect(record, Kind::Object, "")?;
    let [id, text, media] = once(record, "", ["id", "text", "media"])?;
    let [created_at, lang, author] = last(record, ["created_at", "lang", "author"]);
    let post = WirePost {
        id: named(required(id, "", "id")?, "id")?,
        text: string(required(text, "", "text")?, "text")?,
        created_at: created_at.filter(is_given),
        lang: lang.filter(is_given),
        author: author.filter(is_given),
        media: media.filter(is_given).map_or_else(|| Ok(Vec::new()), |media| all_media(media, config))?,
    };
    if post.id.is_empty() {
        return Err(malformed("`id` is empty"));
    }
    let size = post.text.len() as u64;
    if size > config.max_text.as_u64() {
        let message =
            format!("`text` has {size} bytes, more than the {} of decode.max_text", config.max_text);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    Ok(post)
}

/// The media that a record lists. What it lists beyond the limit is not read: three million entries that say nothing would
/// fit into 32 MiB, and would take ten times as much when read.
fn all_media<'a>(list: Raw<'a>, config: &Config) -> Result<Vec<WireMedia<'a>>, Rejection> {
    expect(list, Kind::Array, "media")?;
    let listed: Vec<Raw<'a>> = list.elements().take(config.max_media + 1).collect();
    if listed.len() > config.max_media {
        let message = format!("`media` has more entries than the {} of decode.max_media", config.max_media);
        return Err(rejected(RejectionClass::TooLarge, message));
    }
    let mut media: Vec<WireMedia<'a>> = Vec::with_capacity(listed.len());
    for (index, listed) in listed.into_iter().enumerate() {
        let medium = medium(listed, &format!("media[{index}]"))?;
        if media.iter().any(|earlier| earlier.key == medium.key) {
            let message =
                format!("`media[{index}].key`: `{}` names an earlier picture too", brief(&medium.key));
            return Err(malformed(&message));
        }
        media.push(medium);
    }
    Ok(media)
}

fn medium<'a>(medium: Raw<'a>, path: &str) -> Result<WireMedia<'a>, Rejection> {
    expect(medium, Kind::Object, path)?;
    let [key, bytes, url] = once(medium, path, ["key", "bytes", "url"])?;
    // What only helps is done without where it has another shape.
    let [declared, preview, alt_text] = last(medium, ["type", "preview_image_url", "alt_text"])
        .map(|value| value.and_then(text).map(Cow::into_owned));
    Ok(WireMedia {
        key: named(required(key, path, "key")?, &format!("{path}.key"))?,
        declared,
        bytes: bytes.filter(is_given),
        url: url.filter(is_given),
        preview,
        alt_text,
    })
}

/// The values of these fields, none of which may be there twice: readers would differ in which they take.
fn once<'a, const FIELDS: usize>(
    object: Raw<'a>,
    path: &str,
    names: [&str; FIELDS],
) -> Result<[Option<Raw<'a>>; FIELDS], Rejection> {
    let mut values = [None; FIELDS];
    for (name, value) in object.members() {
        let Some(field) = names.iter().position(|wanted| *wanted == name) else { continue };
        if values[field].replace(value).is_some() {
            return Err(misplaced(path, &format!("duplicate field `{name}`")));
        }
    }
    Ok(values)
}

/// The values of these fields, the last where one is there twice.
fn last<'a, const FIELDS: usize>(object: Raw<'a>, names: [&str; FIELDS]) -> [Option<Raw<'a>>; FIELDS] {
    let mut values = [None; FIELDS];
    for (name, value) in object.members() {
        if let Some(field) = names.iter().position(|wanted| *wanted == name) {
            values[field] = Some(value);
        }
    }
    values
}

fn is_given(value: &Raw<'_>) -> bool {
    value.kind() != Kind::Null
}

fn required<'a>(value: Option<Raw<'a>>, path: &str, field: &str) -> Result<Raw<'a>, Rejection> {
    value.ok_or_else(|| misplaced(path, &format!("missing field `{field}`")))
}

fn expect(value: Raw<'_>, kind: Kind, path: &str) -> Result<(), Rejection> {
    if value.kind() == kind {
        return Ok(());
    }
    Err(misplaced(path, &format!("found {}, expected {kind}", value.kind())))
}

fn string(value: Raw<'_>, path: &str) -> Result<String, Rejection> {
    expect(value, Kind::String, path)?;
    text(value).map(Cow::into_owned).ok_or_else(|| misplaced(path, "is a string that cannot be read"))
}

fn named(value: Raw<'_>, path: &str) -> Result<String, Rejection> {
    let name = name(value).map_err(|fault| misplaced(path, &fault))?;
    if name.len() <= LONGEST_NAME {
        return Ok(name);
    }
    let message =
        format!("`{path}` has {} bytes, more than the {LONGEST_NAME} that a name may have", name.len());
    Err(rejected(RejectionClass::TooLarge, message))
}

fn misplaced(path: &str, fault: &str) -> Rejection {
    match path {
        "" => malformed(&format!("the record is not a post: {fault}")),
        path => malformed(&format!("the record is not a post: at `{path}`: {fault}")),
    }
}

fn malformed(message: &str) -> Rejection {
    rejected(RejectionClass::Malformed, brief(message))
}

/// The beginning of a long string, since faults quote what they found and that may be a megabyte.
pub(super) fn brief(message: &str) -> String {
    const LONGEST: usize = 400; // characters: a paragraph, and far below the limit on Kafka headers
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
