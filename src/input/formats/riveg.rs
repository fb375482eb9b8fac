//! The engine's own input format: a JSON object with `id`, `text` and `media`. `docs/input.md` describes it for users.
//!
//! Fields that the engine does not know are ignored.

use std::borrow::Cow;

use crate::domain::{Rejection, RejectionClass};
use crate::input::MediaFault;
use crate::input::config::Config;
use crate::input::escape::shortened;
use crate::input::fault::{malformed, rejection};

use super::base64;
use super::candidate_boxes;
use super::draft::{MediaDraft, MediaSource, PostDraft, TextForm};
use super::format::{Event, ReadContext};
use super::json::{
    JsonValue, Kind, expect_kind, is_not_null, joined, last_fields, name_at, repeated, required, string_at,
    text, unique_fields, within_max_text,
};

/// The field of a medium with regions of the picture that somebody found already.
const CANDIDATE_BOXES: &str = "candidate_boxes";

/// Reads a record.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read(record: JsonValue<'_>, context: &ReadContext<'_>) -> Result<Vec<Event>, Rejection> {
    Ok(vec![Event::Post(Box::new(draft(record, context.limits)?))])
}

/// Whether a value is an object with `id` and `text` and without the marks of a feed's own format. A post of X without
/// its envelope has both fields; with `media` beside them, a producer made it that kept some fields of X.
pub(super) fn recognises(record: JsonValue<'_>) -> bool {
    let (mut has_id, mut has_text, mut has_media, mut is_of_x) = (false, false, false, false);
    for (name, _) in record.members() {
        match &*name {
            "id" => has_id = true,
            "text" => has_text = true,
            "media" => has_media = true,
            "edit_history_tweet_ids" | "referenced_tweets" => is_of_x = true,
            "id_str" | "includes" | "@context" => return false,
            _ => {}
        }
    }
    has_id && has_text && (has_media || !is_of_x)
}

/// Reads a record's JSON within the limits on its text, id and number of media.
fn draft(record: JsonValue<'_>, config: &Config) -> Result<PostDraft, Rejection> {
    expect_kind(record, Kind::Object, "")?;
    let [id, text, media] = unique_fields(record, "", ["id", "text", "media"])?;
    let [created_at, lang, author] = last_fields(record, ["created_at", "lang", "author"]);
    let id = name_at(required(id, "", "id")?, "id")?;
    let text = string_at(required(text, "", "text")?, "text")?;
    let mut degraded = Vec::new();
    let media = media
        .filter(is_not_null)
        .map_or_else(|| Ok(Vec::new()), |media| read_media(media, config, &mut degraded))?;
    if id.is_empty() {
        return Err(malformed("`id` is empty"));
    }
    within_max_text(&text, "text", config)?;
    let mut repeat = |field, value| repeated(field, value, &mut degraded);
    let (created_at, lang, author) =
        (repeat("created_at", created_at), repeat("lang", lang), repeat("author", author));
    let text_form = TextForm::HtmlEscapes;
    Ok(PostDraft { id, key: None, uri: None, text, text_form, created_at, lang, author, media, degraded })
}

/// Reads the media of a record. Entries beyond the limit are not read: three million empty entries fit into 32 MiB, and
/// would take ten times as much memory when read.
fn read_media(
    list: JsonValue<'_>,
    config: &Config,
    degraded: &mut Vec<String>,
) -> Result<Vec<MediaDraft>, Rejection> {
    expect_kind(list, Kind::Array, "media")?;
    let listed: Vec<JsonValue<'_>> = list.elements().take(config.max_media + 1).collect();
    if listed.len() > config.max_media {
        let message = format!("`media` has more entries than the {} of decode.max_media", config.max_media);
        return Err(rejection(RejectionClass::TooLarge, message));
    }
    let mut media: Vec<MediaDraft> = Vec::with_capacity(listed.len());
    for (index, listed) in listed.into_iter().enumerate() {
        let medium = read_medium(listed, &format!("media[{index}]"), config, degraded)?;
        if media.iter().any(|earlier| earlier.key == medium.key) {
            let message =
                format!("`media[{index}].key`: `{}` names an earlier picture too", shortened(&medium.key));
            return Err(malformed(&message));
        }
        media.push(medium);
    }
    Ok(media)
}

fn read_medium(
    medium: JsonValue<'_>,
    path: &str,
    config: &Config,
    degraded: &mut Vec<String>,
) -> Result<MediaDraft, Rejection> {
    expect_kind(medium, Kind::Object, path)?;
    let [key, bytes, url] = unique_fields(medium, path, ["key", "bytes", "url"])?;
    // Optional fields of another type are ignored.
    let [declared_type, preview_url, alt_text] =
        last_fields(medium, ["type", "preview_image_url", "alt_text"])
            .map(|value| value.and_then(text).map(Cow::into_owned));
    let key = name_at(required(key, path, "key")?, &format!("{path}.key"))?;
    let source = source(bytes.filter(is_not_null), url.filter(is_not_null), config.max_picture.as_u64());
    let [boxes] = last_fields(medium, [CANDIDATE_BOXES]);
    let boxes =
        boxes.filter(is_not_null).map(|boxes| candidate_boxes::read(boxes, &joined(path, CANDIDATE_BOXES)));
    let candidate_boxes = boxes.unwrap_or_else(|| Ok(Vec::new())).unwrap_or_else(|fault| {
        degraded.push(fault);
        Vec::new()
    });
    Ok(MediaDraft { key, declared_type, source, preview_url, alt_text, candidate_boxes })
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

#[cfg(test)]
mod tests;
