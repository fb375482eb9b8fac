//! ActivityPub: activities and objects of the ActivityStreams vocabulary, as servers send them to each other.
//!
//! `docs/formats.md` lists for users what is taken from where. Sources: W3C ActivityStreams 2.0 and its vocabulary, W3C
//! ActivityPub, and what Mastodon documents of its use.

mod object;
mod values;

use crate::domain::Rejection;
use crate::input::escape::shortened;

use super::format::{Event, ReadContext};
use super::json::{JsonValue, Kind, expect_kind, field, id_at, invalid, joined, repeated, required, text};
use super::lists::each_post;

use self::object::is_post_type;
use self::values::{address, id_of, names, types};

/// Activities that say nothing of a post's text.
const IGNORED: &[&str] = &[
    "Like",
    "Dislike",
    "EmojiReact",
    "Follow",
    "Accept",
    "TentativeAccept",
    "Reject",
    "TentativeReject",
    "Undo",
    "Block",
    "Flag",
    "Add",
    "Remove",
    "Move",
    "View",
    "Read",
    "Listen",
    "Join",
    "Leave",
    "Ignore",
    "Invite",
    "Offer",
];

/// Objects that are accounts.
const ACTORS: &[&str] = &["Person", "Service", "Group", "Organization", "Application"];

/// The context of the vocabulary, which every activity and object names.
const CONTEXT: &str = "https://www.w3.org/ns/activitystreams";

/// Reads a record: an activity, or an object alone.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read(record: JsonValue<'_>, context: &ReadContext<'_>) -> Result<Vec<Event>, Rejection> {
    if record.kind() == Kind::Array {
        return each_post(record, "", |value, path| one(value, path, context));
    }
    Ok(vec![one(record, "", context)?])
}

/// Whether a value has the shape of an activity (with an actor and an object) or of an object (with its author), or
/// names the vocabulary.
pub(super) fn recognises(record: JsonValue<'_>) -> bool {
    if record.kind() == Kind::Array {
        return record
            .elements()
            .next()
            .is_some_and(|first| first.kind() == Kind::Object && recognises(first));
    }
    if field(record, "type").is_none() {
        return false;
    }
    let names_vocabulary = field(record, "@context").is_some_and(|context| names(context, CONTEXT));
    let is_activity = || field(record, "actor").is_some() && field(record, "object").is_some();
    let is_object =
        || field(record, "attributedTo").is_some() && types(record).any(|name| is_post_type(&name));
    names_vocabulary || is_activity() || is_object()
}

fn one(value: JsonValue<'_>, path: &str, context: &ReadContext<'_>) -> Result<Event, Rejection> {
    expect_kind(value, Kind::Object, path)?;
    for name in types(value) {
        match &*name {
            "Create" | "Update" => return published(value, path, context),
            "Announce" => return announced(value, path, context),
            "Delete" => return deleted(value, path),
            "Tombstone" => return Ok(Event::Deletion { id: id_of(value, path)? }),
            name if is_post_type(name) => return object::read(value, path, None, context),
            name if ACTORS.contains(&name) => return Ok(Event::Ignored { kind: "account" }),
            name => {
                if let Some(kind) = IGNORED.iter().find(|ignored| **ignored == name) {
                    return Ok(Event::Ignored { kind });
                }
            }
        }
    }
    if field(value, "type").is_none() {
        return Err(invalid(path, "missing field `type`"));
    }
    Ok(unknown(value))
}

/// The post that an activity brings, whole or by its address alone.
fn published(activity: JsonValue<'_>, path: &str, context: &ReadContext<'_>) -> Result<Event, Rejection> {
    let object = required(field(activity, "object"), path, "object")?;
    let path = joined(path, "object");
    if object.kind() == Kind::String {
        return Ok(Event::Unknown {
            what: "an ActivityPub activity whose object is only an address".to_owned(),
        });
    }
    expect_kind(object, Kind::Object, &path)?;
    if types(object).any(|name| is_post_type(&name)) {
        return object::read(object, &path, Some(activity), context);
    }
    if types(object).any(|name| ACTORS.contains(&&*name)) {
        return Ok(Event::Ignored { kind: "account" });
    }
    Ok(unknown(object))
}

/// A boost: of a post that it contains, of one that it names, or of an activity that a group passes on.
fn announced(activity: JsonValue<'_>, path: &str, context: &ReadContext<'_>) -> Result<Event, Rejection> {
    let ignored = Ok(Event::Ignored { kind: "Announce" });
    let Some(object) = field(activity, "object").filter(|object| object.kind() == Kind::Object) else {
        return ignored;
    };
    let object_path = joined(path, "object");
    for name in types(object) {
        match &*name {
            "Create" | "Update" => return published(object, &object_path, context),
            "Delete" => return deleted(object, &object_path),
            name if is_post_type(name) && object::has_text(object) => {
                let post = object::read(object, &object_path, Some(activity), context)?;
                return boosted(post, activity, path);
            }
            _ => {}
        }
    }
    ignored
}

/// The post under the id of the activity that boosts it.
fn boosted(post: Event, activity: JsonValue<'_>, path: &str) -> Result<Event, Rejection> {
    let Event::Post(mut post) = post else { return Ok(post) };
    post.id = id_of(activity, path)?;
    post.uri = Some(post.id.clone());
    let mut repeat = |name, value| repeated(name, value, &mut post.degraded);
    post.created_at = repeat("published", field(activity, "published"));
    post.author = repeat("actor", field(activity, "actor").and_then(address));
    Ok(Event::Post(post))
}

/// A deletion, of a post by its address or by a tombstone, or of the account that sends it.
fn deleted(activity: JsonValue<'_>, path: &str) -> Result<Event, Rejection> {
    let object = required(field(activity, "object"), path, "object")?;
    let path = joined(path, "object");
    let id = address(object)
        .ok_or_else(|| invalid(&path, "found no address, expected a string or an object with `id`"))?;
    let actor = field(activity, "actor").and_then(address);
    if actor.is_some_and(|actor| text(actor) == text(id)) {
        return Ok(Event::Ignored { kind: "account" });
    }
    Ok(Event::Deletion { id: id_at(id, &path)? })
}

fn unknown(value: JsonValue<'_>) -> Event {
    let name = types(value).next().unwrap_or_default();
    Event::Unknown { what: format!("an ActivityPub object of the type `{}`", shortened(&name)) }
}

#[cfg(test)]
mod tests;
