//! Mastodon: statuses of its REST API, and events of its streaming API.
//!
//! `docs/formats.md` lists for users what is taken from where. Source: <https://docs.joinmastodon.org> (entities
//! `Status` and `MediaAttachment`, methods `streaming`). Other servers speak the same API.

mod status;

use crate::domain::Rejection;
use crate::input::escape::shortened;

use super::format::{Event, ReadContext};
use super::json::{
    self, JsonIndex, JsonValue, Kind, expect_kind, field, id_at, invalid, last_fields, required, string_at,
    text_field,
};
use super::lists::each_post;

/// Streaming events that are about no post of a timeline.
const IGNORED: &[&str] = &[
    "notification",
    "notifications_merged",
    "filters_changed",
    "conversation",
    "announcement",
    "announcement.reaction",
    "announcement.delete",
    "encrypted_message",
];

/// Reads a record: a status, a list of statuses, or a streaming event.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read(record: JsonValue<'_>, context: &ReadContext<'_>) -> Result<Vec<Event>, Rejection> {
    if record.kind() == Kind::Array {
        return each_post(record, "", |status, path| status::read(status, path, context));
    }
    expect_kind(record, Kind::Object, "")?;
    let event = match field(record, "event") {
        Some(name) => streaming_event(&string_at(name, "event")?, record, context)?,
        None => status::read(record, "", context)?,
    };
    Ok(vec![event])
}

/// Whether a value has the shape of a status (text as HTML, and an account), a list of them, or a streaming event.
pub(super) fn recognises(record: JsonValue<'_>) -> bool {
    if record.kind() == Kind::Array {
        return record.elements().next().is_some_and(is_status);
    }
    is_status(record)
        || (text_field(record, "event").is_some()
            && (field(record, "payload").or(field(record, "stream"))).is_some())
}

fn is_status(value: JsonValue<'_>) -> bool {
    // With `id_str` it is a status of X.
    let [id, content, account, id_str] = last_fields(value, ["id", "content", "account", "id_str"]);
    let is_of = |field: Option<JsonValue<'_>>, kind| field.is_some_and(|value| value.kind() == kind);
    id.is_some() && is_of(content, Kind::String) && is_of(account, Kind::Object) && id_str.is_none()
}

/// A streaming event: its payload is a status, the id of one, or something that is no post.
fn streaming_event(name: &str, record: JsonValue<'_>, context: &ReadContext<'_>) -> Result<Event, Rejection> {
    match name {
        "update" | "status.update" => {
            let payload = required(field(record, "payload"), "", "payload")?;
            // The server sends JSON within a string. Programs that forward events may have read it already.
            if payload.kind() == Kind::Object {
                return status::read(payload, "payload", context);
            }
            let status = string_at(payload, "payload")?;
            json::check(&status)
                .map_err(|fault| invalid("payload", &format!("the string is not JSON: {fault}")))?;
            let status = JsonValue::of(&status);
            let index = JsonIndex::of(status.text());
            status::read(status.indexed(&index), "payload", context)
        }
        "delete" => {
            let payload = required(field(record, "payload"), "", "payload")?;
            Ok(Event::Deletion { id: id_at(payload, "payload")? })
        }
        other => Ok(match IGNORED.iter().find(|ignored| **ignored == other) {
            Some(kind) => Event::Ignored { kind },
            None => Event::Unknown { what: format!("a Mastodon event of the name `{}`", shortened(other)) },
        }),
    }
}

#[cfg(test)]
mod tests;
