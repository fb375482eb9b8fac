//! Statuses of X's API 1.1: long texts, media, retweets.

use std::borrow::Cow;

use crate::domain::Rejection;

use super::super::draft::MediaDraft;
use super::super::format::{Event, ReadContext};
use super::super::json::{
    JsonValue, Kind, expect_kind, field, id_at, joined, name_at, required, string_at, text_field,
    unique_fields, within_max_text,
};
use super::super::lists::each_medium;
use super::parts::{Parts, medium};

/// Whether a value is a status: it has its id as a string beside the number, and a text.
pub(super) fn is_status(status: JsonValue<'_>) -> bool {
    field(status, "id_str").is_some()
        && (field(status, "text").is_some() || field(status, "full_text").is_some())
}

/// Reads a status.
///
/// # Errors
/// `malformed` with the JSON path; `too-large` with the limit.
pub(super) fn read(status: JsonValue<'_>, path: &str, context: &ReadContext<'_>) -> Result<Event, Rejection> {
    expect_kind(status, Kind::Object, path)?;
    let at = |name: &str| joined(path, name);
    let [id] = unique_fields(status, path, ["id_str"])?;
    // Never the number: programs that read numbers as floats change its last digits.
    let id = id_at(required(id, path, "id_str")?, &at("id_str"))?;
    let history = field(status, "edit_history").and_then(|history| field(history, "initial_tweet_id"));
    let first_version =
        history.map(|first| name_at(first, &at("edit_history.initial_tweet_id"))).transpose()?;
    let (source, source_path) = match field(status, "retweeted_status") {
        Some(original) => (original, at("retweeted_status")),
        None => (status, path.to_owned()),
    };
    let at = |name: &str| joined(&source_path, name);
    let extended = field(source, "extended_tweet");
    let whole =
        extended.and_then(|extended| Some((field(extended, "full_text")?, "extended_tweet.full_text")));
    let whole = whole.or_else(|| Some((field(source, "full_text")?, "full_text")));
    let is_cut =
        whole.is_none() && field(source, "truncated").is_some_and(|truncated| truncated.text() == "true");
    let (text, text_path) = match whole {
        Some((text, place)) => (text, at(place)),
        None => (required(field(source, "text"), &source_path, "text")?, at("text")),
    };
    let text = string_at(text, &text_path)?;
    within_max_text(&text, &text_path, context.limits)?;
    // `entities` knows no more than the first photo, and calls a video a photo.
    let places = [
        (extended, "extended_tweet.extended_entities", "extended_entities"),
        (extended, "extended_tweet.entities", "entities"),
        (Some(source), "extended_entities", "extended_entities"),
        (Some(source), "entities", "entities"),
    ];
    let list = places.into_iter().find_map(|(object, place, name)| {
        let media = field(field(object?, name)?, "media")?;
        media.elements().next().map(|_| (media, at(&format!("{place}.media"))))
    });
    let media = list.map(|(list, path)| each_medium(list, &path, context.limits, read_medium)).transpose()?;
    let degraded = if is_cut {
        vec!["the text is cut: the status is `truncated` and has no `extended_tweet`".to_owned()]
    } else {
        Vec::new()
    };
    let author = field(status, "user").and_then(|user| field(user, "id_str"));
    let parts = Parts { id, first_version, text, media: media.unwrap_or_default(), degraded };
    Ok(parts.event(status, source, author))
}

fn read_medium(described: JsonValue<'_>, path: &str) -> Result<Option<MediaDraft>, Rejection> {
    expect_kind(described, Kind::Object, path)?;
    let key = field(described, "id_str").or_else(|| field(described, "id"));
    let key = name_at(required(key, path, "id_str")?, &format!("{path}.id_str"))?;
    let picture = ["media_url_https", "media_url"].iter().find_map(|name| text_field(described, name));
    Ok(Some(medium(key, described, picture.map(Cow::into_owned), "ext_alt_text")))
}
