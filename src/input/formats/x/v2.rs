//! Answers of X's API v2: posts in `data`, with their media and originals in `includes`.

mod includes;

use std::borrow::Cow;

use crate::domain::Rejection;
use crate::input::escape::shortened;

use super::super::draft::MediaDraft;
use super::super::format::{Event, ReadContext};
use super::super::json::{
    JsonValue, Kind, expect_kind, field, id_at, joined, name_at, required, string_at, text_field,
    unique_fields, within_max_text,
};
use super::super::lists::{MAX_POSTS, each_medium, each_post};
use super::parts::{Parts, medium, missing};

use self::includes::{Includes, media_keys, retweeted};

/// Whether this is the `data` of an answer: one post, or a list of them.
pub(super) fn is_answer(data: JsonValue<'_>) -> bool {
    match data.kind() {
        Kind::Array => data.elements().next().is_none_or(is_post),
        _ => is_post(data),
    }
}

/// Whether a value is a post without its envelope: it has a field that only posts of API v2 have. With `media` of its
/// own it is a post in the engine's format, whose producer kept some fields of X.
pub(super) fn is_post_alone(value: JsonValue<'_>) -> bool {
    let is_marked =
        ["edit_history_tweet_ids", "referenced_tweets"].iter().any(|name| field(value, name).is_some());
    is_post(value) && is_marked && field(value, "media").is_none()
}

fn is_post(value: JsonValue<'_>) -> bool {
    field(value, "id").is_some() && field(value, "text").is_some()
}

/// Reads an answer: `data` with `includes` beside it. `matching_rules`, `meta` and `errors` beside them are ignored.
///
/// # Errors
/// As for a post; a fault of one of several is an event of its own.
pub(super) fn read_answer(
    record: JsonValue<'_>,
    data: JsonValue<'_>,
    context: &ReadContext<'_>,
) -> Result<Vec<Event>, Rejection> {
    if data.kind() == Kind::Array {
        let posts: Vec<_> = data.elements().take(MAX_POSTS).collect();
        let includes = Includes::new(record, &posts, context.limits.max_media);
        return each_post(data, "data", |post, path| read(post, path, &includes, context));
    }
    let includes = Includes::new(record, &[data], context.limits.max_media);
    Ok(vec![read(data, "data", &includes, context)?])
}

/// Reads a post without an envelope.
///
/// # Errors
/// `malformed` with the JSON path; `too-large` with the limit.
pub(super) fn read_alone(
    post: JsonValue<'_>,
    path: &str,
    context: &ReadContext<'_>,
) -> Result<Event, Rejection> {
    read(post, path, &Includes::default(), context)
}

fn read(
    post: JsonValue<'_>,
    path: &str,
    includes: &Includes<'_>,
    context: &ReadContext<'_>,
) -> Result<Event, Rejection> {
    expect_kind(post, Kind::Object, path)?;
    let [id] = unique_fields(post, path, ["id"])?;
    let id = id_at(required(id, path, "id")?, &joined(path, "id"))?;
    let versions = field(post, "edit_history_tweet_ids").and_then(|versions| versions.elements().next());
    let first_version =
        versions.map(|first| name_at(first, &joined(path, "edit_history_tweet_ids[0]"))).transpose()?;
    let mut degraded = Vec::new();
    let original = retweeted(post);
    let (source, source_path) = match original.as_deref().map(|id| (id, includes.tweet(id))) {
        None => (post, path.to_owned()),
        Some((_, Some((original, place)))) => (original, format!("includes.tweets[{place}]")),
        Some((original, None)) => {
            let original = shortened(original);
            degraded.push(format!(
                "`includes.tweets` lacks the post `{original}` that this one retweets: the text may be cut, and \
                 pictures may be missing"
            ));
            (post, path.to_owned())
        }
    };
    let (text, text_path) = match field(source, "note_tweet").and_then(|note| field(note, "text")) {
        Some(whole) => (whole, joined(&source_path, "note_tweet.text")),
        None => (required(field(source, "text"), &source_path, "text")?, joined(&source_path, "text")),
    };
    let text = string_at(text, &text_path)?;
    within_max_text(&text, &text_path, context.limits)?;
    let keys_path = joined(&source_path, "attachments.media_keys");
    let media = match media_keys(source) {
        Some(keys) => {
            each_medium(keys, &keys_path, context.limits, |key, path| read_medium(key, path, includes))?
        }
        None => Vec::new(),
    };
    let parts = Parts { id, first_version, text, media, degraded };
    Ok(parts.event(post, source, field(post, "author_id")))
}

fn read_medium(
    key: JsonValue<'_>,
    path: &str,
    includes: &Includes<'_>,
) -> Result<Option<MediaDraft>, Rejection> {
    let key = name_at(key, path)?;
    let Some(described) = includes.medium(&key) else {
        let source = missing("is named in `attachments.media_keys` and not described in `includes.media`");
        return Ok(Some(MediaDraft {
            key,
            declared_type: None,
            source,
            preview_url: None,
            alt_text: None,
            candidate_boxes: Vec::new(),
        }));
    };
    let picture = ["url", "preview_image_url"].iter().find_map(|name| text_field(described, name));
    Ok(Some(medium(key, described, picture.map(Cow::into_owned), "alt_text")))
}
