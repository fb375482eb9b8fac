//! Values of ActivityStreams: addresses, types and contexts, each of which may be one or a list.

use std::borrow::Cow;

use crate::domain::Rejection;

use super::super::json::{JsonValue, Kind, field, id_at, joined, required, text, text_field};

/// The most types of one object that are looked at. JSON-LD allows several; in practice there are one or two.
const MAX_TYPES: usize = 8;

/// The address of a thing: itself where it is a string, its `id` where it is an object, that of the first of a list.
pub(super) fn address(value: JsonValue<'_>) -> Option<JsonValue<'_>> {
    own_address(value).or_else(|| value.elements().next().and_then(own_address))
}

fn own_address(value: JsonValue<'_>) -> Option<JsonValue<'_>> {
    match value.kind() {
        Kind::String => Some(value),
        Kind::Object => field(value, "id").filter(|id| id.kind() == Kind::String),
        _ => None,
    }
}

/// The id of an object.
pub(super) fn id_of(value: JsonValue<'_>, path: &str) -> Result<String, Rejection> {
    id_at(required(field(value, "id"), path, "id")?, &joined(path, "id"))
}

/// The types of an object, which has one or a list.
pub(super) fn types(value: JsonValue<'_>) -> impl Iterator<Item = Cow<'_, str>> {
    let one = text_field(value, "type");
    let several = field(value, "type").into_iter().flat_map(|types| types.elements().take(MAX_TYPES));
    one.into_iter().chain(several.filter_map(text))
}

/// Whether a context is this one, or a list with it.
pub(super) fn names(context: JsonValue<'_>, name: &str) -> bool {
    let is_name = |value: JsonValue<'_>| text(value).is_some_and(|text| text == name);
    is_name(context) || context.elements().take(MAX_TYPES).any(is_name)
}
