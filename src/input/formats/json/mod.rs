//! JSON for the formats that are written in it: values as they were written, their strings, values to be repeated.

mod fields;
mod index;
mod record;
mod scan;
mod strings;
mod value;
mod verbatim;

#[cfg(test)]
pub(super) use fields::MAX_NAME_BYTES;
pub(super) use fields::{
    expect_kind, field, id_at, invalid, is_not_null, joined, last_fields, name_at, repeated, required,
    string_at, text_field, unique_fields, within_max_name, within_max_text,
};
pub(super) use index::JsonIndex;
pub(super) use record::record_text;
pub(super) use strings::text;
pub(super) use value::{JsonValue, Kind, check};
