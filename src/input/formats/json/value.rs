//! JSON values as slices of a valid text, each as it was written.
//!
//! A typed reader turns numbers into floats, refuses records for the shape of fields that the engine does not use, and
//! forgets how a value was written. Here a value stays a slice of the text until its content is needed.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::de::IgnoredAny;

use super::index::{IndexedValue, JsonIndex};
use super::scan::{is_separator, is_space, string_end, value_end};

/// The JSON text of one value, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonValue<'a> {
    text: &'a str,
    /// What is known of the places of the values within it, from the first one on.
    index: &'a [IndexedValue],
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

/// Checks that a text is valid JSON.
///
/// # Errors
/// The place of the fault, by line and column.
pub(crate) fn check(json: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(json).map(|_| ())
}

/// The same text with raw control characters in strings replaced by escapes; none where there is no such character. For
/// texts that are not valid otherwise.
pub(crate) fn with_controls_escaped(json: &str) -> Option<String> {
    let mut escaped = String::new();
    let (mut at, mut kept) = (0, 0);
    while let Some(quote) = memchr(b'"', json.get(at..)?.as_bytes()) {
        let begin = at + quote + 1;
        let end = string_end(json.as_bytes(), begin);
        for (place, character) in json.get(begin..end)?.char_indices().filter(|(_, letter)| *letter < ' ') {
            escaped += json.get(kept..begin + place)?;
            escaped += &format!("\\u{:04x}", u32::from(character));
            kept = begin + place + 1;
        }
        at = end;
    }
    if kept == 0 {
        return None;
    }
    escaped += json.get(kept..)?;
    Some(escaped)
}

impl<'a> JsonValue<'a> {
    /// The value of a valid text.
    pub(crate) fn of(json: &'a str) -> Self {
        Self { text: json.trim_matches(is_space), index: &[] }
    }

    /// The same value, in which others are found by the index of its text instead of by scanning it.
    pub(crate) fn indexed(self, index: &'a JsonIndex) -> Self {
        Self { index: index.values(), ..self }
    }

    /// As it was written.
    pub(crate) fn text(self) -> &'a str {
        self.text
    }

    pub(crate) fn kind(self) -> Kind {
        match self.text.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The text between the quotes of a string.
    pub(crate) fn between_quotes(self) -> Option<&'a str> {
        self.text.strip_prefix('"')?.strip_suffix('"')
    }

    /// The names and values of an object, in order; empty for other types.
    pub(crate) fn members(self) -> impl Iterator<Item = (Cow<'a, str>, JsonValue<'a>)> {
        self.quoted_members().map(|(name, value)| (unquoted(name), value))
    }

    /// The same with names as they were written, for [`JsonValue::is_name`].
    pub(crate) fn quoted_members(self) -> impl Iterator<Item = (JsonValue<'a>, JsonValue<'a>)> {
        let mut parts = self.parts(Kind::Object);
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// Whether this string is the name of a field, which has no characters that are escaped.
    pub(crate) fn is_name(self, field: &str) -> bool {
        let Some(name) = self.between_quotes() else { return false };
        match name.bytes().zip(field.bytes()).find(|(written, wanted)| written != wanted) {
            None => name.len() == field.len(),
            Some((b'\\', _)) => unquoted(self) == field,
            Some(_) => false,
        }
    }

    /// The elements of an array, in order; empty for other types.
    pub(crate) fn elements(self) -> impl Iterator<Item = JsonValue<'a>> {
        self.parts(Kind::Array)
    }

    /// The names and values of an object or the elements of an array, if it is that.
    fn parts(self, kind: Kind) -> Parts<'a> {
        let (at, index): (_, &[_]) =
            if self.kind() == kind { (1, self.index) } else { (self.text.len(), &[]) };
        Parts { list: self.text, at, index }
    }
}

/// The values of a list from a place on.
struct Parts<'a> {
    list: &'a str,
    at: usize,
    index: &'a [IndexedValue],
}

impl<'a> Iterator for Parts<'a> {
    type Item = JsonValue<'a>;

    fn next(&mut self) -> Option<JsonValue<'a>> {
        let (begin, index): (_, &[_]);
        if let Some((value, behind)) = self.index.split_first() {
            (begin, self.at) = value.place();
            (index, self.index) = behind.split_at_checked(value.inner())?;
        } else {
            let rest = self.list.as_bytes().get(self.at..)?;
            begin = self.at + rest.iter().position(|byte| !is_separator(*byte))?;
            self.at = value_end(self.list.as_bytes(), begin)?;
            index = &[];
        }
        Some(JsonValue { text: self.list.get(begin..self.at)?, index })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        })
    }
}

/// The name of a member. One with half of a surrogate pair becomes empty, which no field is called.
fn unquoted(name: JsonValue<'_>) -> Cow<'_, str> {
    match name.between_quotes() {
        Some(plain) if memchr(b'\\', plain.as_bytes()).is_none() => Cow::Borrowed(plain),
        _ => Cow::Owned(serde_json::from_str(name.text).unwrap_or_default()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
