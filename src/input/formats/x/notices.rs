//! Notices of X: deletions, compliance events, and messages about the stream itself.

use crate::domain::Rejection;

use super::super::format::Event;
use super::super::json::{JsonValue, Kind, field, id_at, invalid, joined};

/// Notices that need no answer. Those about users name no posts, and `tweet_edit` announces a version that comes as a
/// post of its own.
const IGNORED: &[&str] = &[
    "tweet_edit",
    "withheld",
    "drop",
    "undrop",
    "user_delete",
    "user_undelete",
    "user_protect",
    "user_unprotect",
    "user_suspend",
    "user_unsuspend",
    "user_withheld",
    "user_profile_modification",
    "status_withheld",
    "scrub_geo",
    "limit",
    "warning",
    "disconnect",
    "errors",
    "meta",
];

/// What a notice says; none where the object is none. A notice of API v2 lies in `data`; one of API 1.1 does not.
///
/// # Errors
/// `malformed` where a deletion names no post.
pub(super) fn read(object: JsonValue<'_>, path: &str) -> Result<Option<Event>, Rejection> {
    if let Some(deletion) = field(object, "delete") {
        return read_deletion(deletion, &joined(path, "delete")).map(Some);
    }
    let kind = IGNORED.iter().find(|name| field(object, name).is_some_and(is_container));
    Ok(kind.map(|kind| Event::Ignored { kind }))
}

/// Whether an object is a notice and nothing else.
pub(super) fn is_notice(object: JsonValue<'_>) -> bool {
    if let Some(deletion) = field(object, "delete") {
        return ["tweet", "status", "favorite"]
            .iter()
            .any(|name| field(deletion, name).is_some_and(is_container));
    }
    let mut members = object.members();
    match (members.next(), members.next()) {
        (Some((name, value)), None) if IGNORED.contains(&&*name) => has_shape(&name, value),
        // A refused request is told with a title beside its list of errors.
        _ => field(object, "errors").is_some_and(|errors| has_shape("errors", errors)),
    }
}

/// Whether the value of a notice is X's, where other programs use its name too.
fn has_shape(name: &str, value: JsonValue<'_>) -> bool {
    let has = |value: JsonValue<'_>, names: &[&str]| names.iter().any(|name| field(value, name).is_some());
    match name {
        "errors" => value.elements().next().is_some_and(|error| has(error, &["title", "code"])),
        "meta" => has(value, &["result_count"]),
        "limit" => has(value, &["track"]),
        "warning" | "disconnect" => has(value, &["code"]),
        _ => is_container(value),
    }
}

/// A deletion: of a `tweet` (API v2), a `status` (API 1.1), or a like.
fn read_deletion(deletion: JsonValue<'_>, path: &str) -> Result<Event, Rejection> {
    let named = ["tweet", "status"].iter().find_map(|name| Some((*name, field(deletion, name)?)));
    let Some((name, post)) = named else {
        if field(deletion, "favorite").is_some() {
            return Ok(Event::Ignored { kind: "favorite_delete" });
        }
        return Err(invalid(path, "found neither `tweet` nor `status`"));
    };
    // A number may have lost its last digits where it passed through a program that reads numbers as floats.
    let id = field(post, "id_str").or_else(|| field(post, "id"));
    let path = joined(path, name);
    let id = id.ok_or_else(|| invalid(&path, "missing field `id`"))?;
    Ok(Event::Deletion { id: id_at(id, &joined(&path, "id"))? })
}

fn is_container(value: JsonValue<'_>) -> bool {
    matches!(value.kind(), Kind::Object | Kind::Array)
}
