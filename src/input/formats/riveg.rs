//! The engine's own input format: a JSON object with `id`, `text` and `media`. `docs/input.md` describes it for users.
//!
//! Fields that the engine does not know are ignored.

use std::borrow::Cow;

use crate::domain::{RawJson, Rejection, RejectionClass};
use crate::input::MediaFault;
use crate::input::config::Config;
use crate::input::escape::shortened;
use crate::input::fault::{malformed, rejection};

use super::base64;
use super::draft::{MediaDraft, MediaSource, PostDraft};
use super::format::{InputRecord, Reading};
use super::json::{self, JsonValue, Kind, MAX_DEPTH, name, text, verbatim};

/// The longest id of a post and key of a medium, in bytes. Kafka limits a key only together with its record, to 1 MB by
/// default; this keeps the answer, which repeats a picture's key for each entity, below that too.
const MAX_NAME_BYTES: usize = 1024;

/// Reads a record.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read(record: InputRecord<'_>, config: &Config) -> Result<Reading, Rejection> {
    let json = json::record_text(record.payload)?;
    draft(&json, config).map(Reading::Post)
}

/// Reads a record's JSON within the limits on its text, id and number of media.
fn draft(json: &str, config: &Config) -> Result<PostDraft, Rejection> {
    let record = JsonValue::of(json);
    expect_kind(record, Kind::Object, "")?;
    let [id, text, media] = unique_fields(record, "", ["id", "text", "media"])?;
    let [created_at, lang, author] = last_fields(record, ["created_at", "lang", "author"]);
    let id = name_at(required(id, "", "id")?, "id")?;
    let text = string_at(required(text, "", "text")?, "text")?;
    let media =
        media.filter(is_not_null).map_or_else(|| Ok(Vec::new()), |media| read_media(media, config))?;
    if id.is_empty() {
        return Err(malformed("`id` is empty"));
    }
    let size = text.len() as u64;
    if size > config.max_text.as_u64() {
        let message =
            format!("`text` has {size} bytes, more than the {} of decode.max_text", config.max_text);
        return Err(rejection(RejectionClass::TooLarge, message));
    }
    let mut degraded = Vec::new();
    let mut repeat = |field: &str, value: Option<JsonValue<'_>>| -> Option<RawJson> {
        let repeated = verbatim(value.filter(is_not_null)?);
        if repeated.is_none() {
            degraded.push(format!("`{field}` is nested deeper than {MAX_DEPTH} lists, and is not repeated"));
        }
        repeated
    };
    let (created_at, lang, author) =
        (repeat("created_at", created_at), repeat("lang", lang), repeat("author", author));
    Ok(PostDraft { id, text, created_at, lang, author, media, degraded })
}

/// Reads the media of a record. Entries beyond the limit are not read: three million empty entries fit into 32 MiB, and
/// would take ten times as much memory when read.
fn read_media(list: JsonValue<'_>, config: &Config) -> Result<Vec<MediaDraft>, Rejection> {
    expect_kind(list, Kind::Array, "media")?;
    let listed: Vec<JsonValue<'_>> = list.elements().take(config.max_media + 1).collect();
    if listed.len() > config.max_media {
        let message = format!("`media` has more entries than the {} of decode.max_media", config.max_media);
        return Err(rejection(RejectionClass::TooLarge, message));
    }
    let mut media: Vec<MediaDraft> = Vec::with_capacity(listed.len());
    for (index, listed) in listed.into_iter().enumerate() {
        let medium = read_medium(listed, &format!("media[{index}]"), config)?;
        if media.iter().any(|earlier| earlier.key == medium.key) {
            let message =
                format!("`media[{index}].key`: `{}` names an earlier picture too", shortened(&medium.key));
            return Err(malformed(&message));
        }
        media.push(medium);
    }
    Ok(media)
}

fn read_medium(medium: JsonValue<'_>, path: &str, config: &Config) -> Result<MediaDraft, Rejection> {
    expect_kind(medium, Kind::Object, path)?;
    let [key, bytes, url] = unique_fields(medium, path, ["key", "bytes", "url"])?;
    // Optional fields of another type are ignored.
    let [declared_type, preview_url, alt_text] =
        last_fields(medium, ["type", "preview_image_url", "alt_text"])
            .map(|value| value.and_then(text).map(Cow::into_owned));
    let key = name_at(required(key, path, "key")?, &format!("{path}.key"))?;
    let source = source(bytes.filter(is_not_null), url.filter(is_not_null), config.max_picture.as_u64());
    Ok(MediaDraft { key, declared_type, source, preview_url, alt_text })
}

/// Where the bytes of a medium are; those in the record may have at most `limit` bytes.
fn source(bytes: Option<JsonValue<'_>>, url: Option<JsonValue<'_>>, limit: u64) -> MediaSource {
    let inline = |base64: &str| MediaSource::Inline(base64::decoded(base64, limit).map(Into::into));
    let (field, value) = match (bytes, url) {
        (Some(bytes), None) => ("bytes", bytes),
        (None, Some(url)) => ("url", url),
        (Some(_), Some(_)) => {
            let fault = MediaFault::malformed("has both `bytes` and `url`; one of them is expected");
            return MediaSource::Invalid(fault);
        }
        (None, None) => return MediaSource::Missing,
    };
    match text(value) {
        Some(text) if field == "bytes" || base64::is_data_url(&text) => inline(&text),
        Some(url) => MediaSource::Url(url.into_owned()),
        None => {
            let message = format!("has {} as `{field}`; a string is expected", value.kind());
            MediaSource::Invalid(MediaFault::malformed(message))
        }
    }
}

/// The values of these fields. A duplicate is an error, since readers differ in which one they take.
fn unique_fields<'a, const FIELDS: usize>(
    object: JsonValue<'a>,
    path: &str,
    names: [&str; FIELDS],
) -> Result<[Option<JsonValue<'a>>; FIELDS], Rejection> {
    let mut values = [None; FIELDS];
    for (name, value) in object.members() {
        let Some(field) = names.iter().position(|wanted| *wanted == name) else { continue };
        if values[field].replace(value).is_some() {
            return Err(invalid(path, &format!("duplicate field `{name}`")));
        }
    }
    Ok(values)
}

/// The values of these fields, the last of duplicates.
fn last_fields<'a, const FIELDS: usize>(
    object: JsonValue<'a>,
    names: [&str; FIELDS],
) -> [Option<JsonValue<'a>>; FIELDS] {
    let mut values = [None; FIELDS];
    for (name, value) in object.members() {
        if let Some(field) = names.iter().position(|wanted| *wanted == name) {
            values[field] = Some(value);
        }
    }
    values
}

fn is_not_null(value: &JsonValue<'_>) -> bool {
    value.kind() != Kind::Null
}

fn required<'a>(value: Option<JsonValue<'a>>, path: &str, field: &str) -> Result<JsonValue<'a>, Rejection> {
    value.ok_or_else(|| invalid(path, &format!("missing field `{field}`")))
}

fn expect_kind(value: JsonValue<'_>, kind: Kind, path: &str) -> Result<(), Rejection> {
    if value.kind() == kind {
        return Ok(());
    }
    Err(invalid(path, &format!("found {}, expected {kind}", value.kind())))
}

fn string_at(value: JsonValue<'_>, path: &str) -> Result<String, Rejection> {
    expect_kind(value, Kind::String, path)?;
    text(value).map(Cow::into_owned).ok_or_else(|| invalid(path, "is a string that cannot be read"))
}

fn name_at(value: JsonValue<'_>, path: &str) -> Result<String, Rejection> {
    let name = name(value).map_err(|fault| invalid(path, &fault))?;
    if name.len() <= MAX_NAME_BYTES {
        return Ok(name);
    }
    let message =
        format!("`{path}` has {} bytes, more than the {MAX_NAME_BYTES} that a name may have", name.len());
    Err(rejection(RejectionClass::TooLarge, message))
}

fn invalid(path: &str, fault: &str) -> Rejection {
    match path {
        "" => malformed(&format!("the record is not a post: {fault}")),
        path => malformed(&format!("the record is not a post: at `{path}`: {fault}")),
    }
}

#[cfg(test)]
mod tests;
