//! Bluesky: events of Jetstream in both of its wire formats, with posts as the network's records.
//!
//! `docs/formats.md` lists for users what is taken from where. Sources: the README of Jetstream (`/subscribe`), the
//! lexicon `network.bsky.jetstream.subscribeEvents`, the lexicons `app.bsky.feed.post` and `app.bsky.embed.*`.

mod embeds;

use std::borrow::Cow;

use crate::domain::Rejection;
use crate::input::escape::shortened;

use super::draft::{PostDraft, TextForm};
use super::format::{Event, ReadContext};
use super::json::{
    JsonValue, Kind, expect_kind, field, invalid, joined, repeated, required, string_at, text_field,
    unique_fields, within_max_name, within_max_text,
};

/// The collection whose records are posts.
const POSTS: &str = "app.bsky.feed.post";

/// The beginning of the types of the newer wire format.
const EVENT_TYPES: &str = "network.bsky.jetstream.";

/// The longest key of a record, in bytes (record key specification of the AT protocol).
const MAX_RECORD_KEY_BYTES: usize = 512;

/// An event: the account that it is about, what happened, and the object that has the details.
struct JetstreamEvent<'a> {
    kind: Cow<'a, str>,
    event: JsonValue<'a>,
    path: &'static str,
    details: JsonValue<'a>,
    details_path: &'static str,
}

/// Reads a record.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read(record: JsonValue<'_>, context: &ReadContext<'_>) -> Result<Vec<Event>, Rejection> {
    let event = event(record)?;
    let read = match &*event.kind {
        "commit" => commit(&event, context)?,
        "identity" => Event::Ignored { kind: "identity" },
        "account" => Event::Ignored { kind: "account" },
        "sync" => Event::Ignored { kind: "sync" },
        "info" => Event::Ignored { kind: "info" },
        "error" => Event::Ignored { kind: "error" },
        other => Event::Unknown { what: format!("a Jetstream event of the kind `{}`", shortened(other)) },
    };
    Ok(vec![read])
}

/// Whether a value has the shape of either wire format: an account with a kind of event and a time, or a frame with a
/// type of its own.
pub(super) fn recognises(record: JsonValue<'_>) -> bool {
    let is_event = |value: JsonValue<'_>| {
        text_field(value, "$type").is_some_and(|type_name| type_name.starts_with(EVENT_TYPES))
    };
    match text_field(record, "$type").as_deref() {
        Some("message" | "event") => field(record, "payload").is_some_and(is_event),
        Some("error") => text_field(record, "error").is_some(),
        Some(_) => is_event(record),
        None => ["did", "time_us", "kind"].iter().all(|name| field(record, name).is_some()),
    }
}

/// The event of a record in either wire format: the older one has the details in an object of the kind's name; the
/// newer one has them beside the account, in a frame.
fn event(record: JsonValue<'_>) -> Result<JetstreamEvent<'_>, Rejection> {
    expect_kind(record, Kind::Object, "")?;
    let (event, path) = match text_field(record, "$type").as_deref() {
        // The frame is called `message` as it was shipped, and `event` in the proposal for it.
        Some("message" | "event") => (required(field(record, "payload"), "", "payload")?, "payload"),
        Some("error") => return Ok(alone("error".into(), record, "")),
        _ => (record, ""),
    };
    expect_kind(event, Kind::Object, path)?;
    if let Some(type_name) = text_field(event, "$type") {
        let kind = type_name.rsplit('#').next().unwrap_or_default().to_owned();
        return Ok(alone(kind.into(), event, path));
    }
    let kind = string_at(required(field(event, "kind"), path, "kind")?, "kind")?;
    let details = if kind == "commit" { required(field(event, "commit"), path, "commit")? } else { event };
    Ok(JetstreamEvent { kind: kind.into(), event, path, details, details_path: "commit" })
}

fn alone<'a>(kind: Cow<'a, str>, event: JsonValue<'a>, path: &'static str) -> JetstreamEvent<'a> {
    JetstreamEvent { kind, event, path, details: event, details_path: path }
}

/// A record of an account that was created, changed or deleted.
fn commit(commit: &JetstreamEvent<'_>, context: &ReadContext<'_>) -> Result<Event, Rejection> {
    let (details, path) = (commit.details, commit.details_path);
    expect_kind(details, Kind::Object, path)?;
    let [operation, collection, key] = unique_fields(details, path, ["operation", "collection", "rkey"])?;
    let collection = string_at(required(collection, path, "collection")?, &joined(path, "collection"))?;
    if collection != POSTS {
        let collection = shortened(&collection);
        return Ok(Event::Unknown { what: format!("a Jetstream commit of the collection `{collection}`") });
    }
    let operation = string_at(required(operation, path, "operation")?, &joined(path, "operation"))?;
    let [did] = unique_fields(commit.event, commit.path, ["did"])?;
    let did_path = joined(commit.path, "did");
    let account = required(did, commit.path, "did")?;
    let did = string_at(account, &did_path)?;
    if !is_did(&did) {
        return Err(invalid(&did_path, &format!("found `{}`, expected a DID", shortened(&did))));
    }
    let key_path = joined(path, "rkey");
    let key = string_at(required(key, path, "rkey")?, &key_path)?;
    if !is_record_key(&key) {
        return Err(invalid(&key_path, &format!("found `{}`, expected a record key", shortened(&key))));
    }
    let id = format!("at://{did}/{POSTS}/{key}");
    within_max_name(&id, &did_path)?;
    match &*operation {
        "delete" => Ok(Event::Deletion { id }),
        "create" | "update" => {
            let record = required(field(details, "record"), path, "record")?;
            post(id, (&did, account), record, &joined(path, "record"), context)
        }
        other => {
            let operation = shortened(other);
            Ok(Event::Unknown { what: format!("a Jetstream commit with the operation `{operation}`") })
        }
    }
}

/// The post of a record. The places of links and mentions in its text (`facets`) are not used.
fn post(
    id: String,
    (did, account): (&str, JsonValue<'_>),
    record: JsonValue<'_>,
    path: &str,
    context: &ReadContext<'_>,
) -> Result<Event, Rejection> {
    expect_kind(record, Kind::Object, path)?;
    let text_path = joined(path, "text");
    let text = string_at(required(field(record, "text"), path, "text")?, &text_path)?;
    within_max_text(&text, &text_path, context.limits)?;
    let mut degraded = Vec::new();
    let media = match field(record, "embed") {
        Some(embed) => {
            let mut embeds = embeds::Embeds { did, context, degraded: &mut degraded };
            embeds.read(embed, &joined(path, "embed"))?
        }
        None => Vec::new(),
    };
    let mut repeat = |name, value| repeated(name, value, &mut degraded);
    let (created_at, lang) =
        (repeat("createdAt", field(record, "createdAt")), repeat("langs", field(record, "langs")));
    let author = repeat("did", Some(account));
    let (uri, text_form) = (Some(id.clone()), TextForm::Plain);
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

/// Whether a text is an identifier of an account: `did:METHOD:NAME` with letters, digits, `.`, `_`, `:`, `%` and `-`.
fn is_did(text: &str) -> bool {
    let Some((method, name)) = text.strip_prefix("did:").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let is_method =
        !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:%-".contains(&byte));
    is_method && is_name
}

/// Whether a text is the key of a record: letters, digits, `.`, `-`, `_`, `:` and `~`, and not `.` or `..`.
fn is_record_key(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:~".contains(&byte);
    (1..=MAX_RECORD_KEY_BYTES).contains(&text.len())
        && text != "."
        && text != ".."
        && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests;
