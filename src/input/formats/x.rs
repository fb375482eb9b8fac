//! X: answers and streams of its API v2, statuses of its API 1.1, and the notices that both send.
//!
//! `docs/formats.md` lists for users what is taken from where. Sources: X API v2 data dictionary and OpenAPI schema, the
//! data dictionary of API 1.1, the payloads of the compliance streams, <https://docs.x.com>.

mod notices;
mod parts;
mod v1;
mod v2;

use crate::domain::Rejection;

use super::format::{Event, ReadContext};
use super::json::{JsonValue, Kind, expect_kind, field, invalid};
use super::lists::each_post;

/// Reads a record.
///
/// # Errors
/// `malformed` with the JSON path, what was expected and what was found; `too-large` with the limit.
pub(super) fn read(record: JsonValue<'_>, context: &ReadContext<'_>) -> Result<Vec<Event>, Rejection> {
    if record.kind() == Kind::Array {
        let read = |post, path: &str| {
            if v1::is_status(post) {
                v1::read(post, path, context)
            } else {
                v2::read_alone(post, path, context)
            }
        };
        return each_post(record, "", read);
    }
    expect_kind(record, Kind::Object, "")?;
    match field(record, "data") {
        Some(data) if v2::is_answer(data) => return v2::read_answer(record, data, context),
        Some(data) => {
            return match notices::read(data, "data")? {
                Some(event) => Ok(vec![event]),
                None if data.kind() == Kind::Object => Ok(vec![unknown("data", data)]),
                None => {
                    Err(invalid("data", &format!("found {}, expected an object or an array", data.kind())))
                }
            };
        }
        None => {}
    }
    if v1::is_status(record) {
        return Ok(vec![v1::read(record, "", context)?]);
    }
    if let Some(event) = notices::read(record, "")? {
        return Ok(vec![event]);
    }
    if field(record, "text").is_some() {
        return Ok(vec![v2::read_alone(record, "", context)?]);
    }
    Ok(vec![unknown("", record)])
}

/// Whether a value has the shape of what X sends: an envelope with `data`, a status with `id_str`, a notice, or a post
/// of API v2 without its envelope, which has fields that no other format has.
pub(super) fn recognises(record: JsonValue<'_>) -> bool {
    match record.kind() {
        Kind::Array => {
            record.elements().next().is_some_and(|post| v1::is_status(post) || v2::is_post_alone(post))
        }
        Kind::Object if field(record, "specversion").is_some() => false,
        Kind::Object => match field(record, "data") {
            Some(data) => v2::is_answer(data) || notices::is_notice(data),
            None => v1::is_status(record) || v2::is_post_alone(record) || notices::is_notice(record),
        },
        _ => false,
    }
}

/// An object that is no post and no notice.
fn unknown(path: &str, object: JsonValue<'_>) -> Event {
    let names: Vec<String> = object.members().take(5).map(|(name, _)| format!("`{name}`")).collect();
    let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
    let fields =
        if names.is_empty() { "no fields".to_owned() } else { format!("the fields {}", names.join(", ")) };
    Event::Unknown { what: format!("a message of X with {fields}{place}") }
}

#[cfg(test)]
mod tests;
