//! Fields of JSON objects: found, checked for type and limits, with errors that name the path.

use std::borrow::Cow;

use crate::domain::{RawJson, Rejection, RejectionClass};
use crate::input::config::Config;
use crate::input::fault::{malformed, rejection};

use super::strings::{name, text};
use super::value::{JsonValue, Kind};
use super::verbatim::{MAX_DEPTH, verbatim};

/// The longest id of a post and key of a medium, in bytes. Kafka limits a key only together with its record, to 1 MB by
/// default; this keeps the answer, which repeats a picture's key for each entity, below that too.
pub(crate) const MAX_NAME_BYTES: usize = 1024;

/// The values of these fields. A duplicate is an error, since readers differ in which one they take.
pub(crate) fn unique_fields<'a, const FIELDS: usize>(
    object: JsonValue<'a>,
    path: &str,
    names: [&str; FIELDS],
) -> Result<[Option<JsonValue<'a>>; FIELDS], Rejection> {
    let mut values = [None; FIELDS];
    for (name, value) in object.quoted_members() {
        let Some(field) = names.iter().position(|wanted| name.is_name(wanted)) else { continue };
        if values[field].replace(value).is_some() {
            return Err(invalid(path, &format!("duplicate field `{}`", names[field])));
        }
    }
    Ok(values)
}

/// The values of these fields, the last of duplicates.
pub(crate) fn last_fields<'a, const FIELDS: usize>(
    object: JsonValue<'a>,
    names: [&str; FIELDS],
) -> [Option<JsonValue<'a>>; FIELDS] {
    let mut values = [None; FIELDS];
    for (name, value) in object.quoted_members() {
        if let Some(field) = names.iter().position(|wanted| name.is_name(wanted)) {
            values[field] = Some(value);
        }
    }
    values
}

/// The last field of this name, unless it is null.
pub(crate) fn field<'a>(object: JsonValue<'a>, name: &str) -> Option<JsonValue<'a>> {
    let [value] = last_fields(object, [name]);
    value.filter(is_not_null)
}

/// The text of the last field of this name, if it is a string.
pub(crate) fn text_field<'a>(object: JsonValue<'a>, name: &str) -> Option<Cow<'a, str>> {
    field(object, name).and_then(text)
}

pub(crate) fn is_not_null(value: &JsonValue<'_>) -> bool {
    value.kind() != Kind::Null
}

pub(crate) fn required<'a>(
    value: Option<JsonValue<'a>>,
    path: &str,
    field: &str,
) -> Result<JsonValue<'a>, Rejection> {
    value.ok_or_else(|| invalid(path, &format!("missing field `{field}`")))
}

pub(crate) fn expect_kind(value: JsonValue<'_>, kind: Kind, path: &str) -> Result<(), Rejection> {
    if value.kind() == kind {
        return Ok(());
    }
    Err(invalid(path, &format!("found {}, expected {kind}", value.kind())))
}

pub(crate) fn string_at(value: JsonValue<'_>, path: &str) -> Result<String, Rejection> {
    expect_kind(value, Kind::String, path)?;
    text(value).map(Cow::into_owned).ok_or_else(|| invalid(path, "is a string that cannot be read"))
}

pub(crate) fn name_at(value: JsonValue<'_>, path: &str) -> Result<String, Rejection> {
    let name = name(value).map_err(|fault| invalid(path, &fault))?;
    within_max_name(&name, path)?;
    Ok(name)
}

/// Refuses a name that is longer than [`MAX_NAME_BYTES`].
pub(crate) fn within_max_name(name: &str, path: &str) -> Result<(), Rejection> {
    if name.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    let message =
        format!("`{path}` has {} bytes, more than the {MAX_NAME_BYTES} that a name may have", name.len());
    Err(rejection(RejectionClass::TooLarge, message))
}

/// The id of a post: a name that is not empty.
pub(crate) fn id_at(value: JsonValue<'_>, path: &str) -> Result<String, Rejection> {
    let id = name_at(value, path)?;
    if id.is_empty() { Err(invalid(path, "found an empty id")) } else { Ok(id) }
}

/// The path of a field of the object at this path, which is empty for the record.
pub(crate) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

pub(crate) fn invalid(path: &str, fault: &str) -> Rejection {
    match path {
        "" => malformed(&format!("the record is not a post: {fault}")),
        path => malformed(&format!("the record is not a post: at `{path}`: {fault}")),
    }
}

/// Refuses a text that is longer than `decode.max_text`.
pub(crate) fn within_max_text(text: &str, path: &str, config: &Config) -> Result<(), Rejection> {
    let size = text.len() as u64;
    if size <= config.max_text.as_u64() {
        return Ok(());
    }
    let message = format!("`{path}` has {size} bytes, more than the {} of decode.max_text", config.max_text);
    Err(rejection(RejectionClass::TooLarge, message))
}

/// A value that the answer repeats; where it nests too deep, `degraded` says so.
pub(crate) fn repeated(
    field: &str,
    value: Option<JsonValue<'_>>,
    degraded: &mut Vec<String>,
) -> Option<RawJson> {
    let repeated = verbatim(value.filter(is_not_null)?);
    if repeated.is_none() {
        degraded.push(format!("`{field}` is nested deeper than {MAX_DEPTH} lists, and is not repeated"));
    }
    repeated
}
