//! A status of Mastodon: its text as people see it, its media, and what it boosts.

use std::borrow::Cow;

use crate::domain::Rejection;

use super::super::draft::{MediaDraft, MediaSource, PostDraft, TextForm};
use super::super::format::{Event, ReadContext};
use super::super::html;
use super::super::json::{
    JsonValue, Kind, expect_kind, field, id_at, joined, name_at, repeated, required, string_at, text_field,
    unique_fields, within_max_text,
};
use super::super::lists::each_medium;

/// Reads a status. A boost has the text and the media of the status that it boosts, under its own id. A content warning
/// (`spoiler_text`) is no part of the text: places of entities refer to `content` alone.
///
/// # Errors
/// `malformed` with the JSON path; `too-large` with the limit.
pub(super) fn read(status: JsonValue<'_>, path: &str, context: &ReadContext<'_>) -> Result<Event, Rejection> {
    expect_kind(status, Kind::Object, path)?;
    let [id] = unique_fields(status, path, ["id"])?;
    let id = id_at(required(id, path, "id")?, &joined(path, "id"))?;
    let (source, source_path) = match field(status, "reblog") {
        Some(boosted) => (boosted, joined(path, "reblog")),
        None => (status, path.to_owned()),
    };
    expect_kind(source, Kind::Object, &source_path)?;
    let text_path = joined(&source_path, "content");
    let text = string_at(required(field(source, "content"), &source_path, "content")?, &text_path)?;
    // The limit counts the HTML: that is the text as it came.
    within_max_text(&text, &text_path, context.limits)?;
    let text_form = TextForm::Converted(html::visible_text(&text));
    let media = match field(source, "media_attachments") {
        Some(list) => {
            each_medium(list, &joined(&source_path, "media_attachments"), context.limits, read_medium)?
        }
        None => Vec::new(),
    };
    let mut degraded = Vec::new();
    let mut repeat = |name, value| repeated(name, value, &mut degraded);
    let created_at = repeat("created_at", field(status, "created_at"));
    let lang = repeat("language", field(source, "language"));
    let author = repeat("account", field(status, "account").and_then(author));
    let uri = ["uri", "url"].iter().find_map(|name| text_field(status, name)).map(Cow::into_owned);
    Ok(Event::Post(Box::new(PostDraft {
        id,
        key: None,
        uri,
        text,
        text_form,
        created_at,
        lang,
        author,
        media,
        degraded,
    })))
}

/// The author: an address, which names the server too; `acct` alone where there is none.
fn author(account: JsonValue<'_>) -> Option<JsonValue<'_>> {
    let is_text = |value: &JsonValue<'_>| value.kind() == Kind::String;
    ["uri", "url", "acct"].iter().find_map(|name| field(account, name).filter(is_text))
}

/// A medium: the server's copy, or the original where it has none. A video is shown by its preview.
fn read_medium(described: JsonValue<'_>, path: &str) -> Result<Option<MediaDraft>, Rejection> {
    expect_kind(described, Kind::Object, path)?;
    let key = name_at(required(field(described, "id"), path, "id")?, &joined(path, "id"))?;
    let text = |name| text_field(described, name).map(Cow::into_owned);
    let preview_url = text("preview_url");
    let source = text("url").or_else(|| text("remote_url")).map_or(MediaSource::Missing, MediaSource::Url);
    Ok(Some(MediaDraft {
        key,
        declared_type: text("type"),
        source,
        preview_url,
        alt_text: text("description"),
        candidate_boxes: Vec::new(),
    }))
}
