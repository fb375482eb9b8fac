//! JSON values as slices of a valid text, each as it was written.
//!
//! A typed reader turns numbers into floats, refuses records for the shape of fields that the engine does not use, and
//! forgets how a value was written. Here a value stays a slice of the text until its content is needed.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr2};
use serde::de::IgnoredAny;

/// The JSON text of one value, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonValue<'a>(&'a str);

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
        Self(json.trim_matches(is_space))
    }

    /// As it was written.
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
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
        self.0.strip_prefix('"')?.strip_suffix('"')
    }

    /// The names and values of an object, in order; empty for other types.
    pub(crate) fn members(self) -> impl Iterator<Item = (Cow<'a, str>, JsonValue<'a>)> {
        let mut at = if self.kind() == Kind::Object { Some(1) } else { None };
        std::iter::from_fn(move || {
            let (name, after) = self.next_part(at?)?;
            let (value, after) = self.next_part(after)?;
            at = Some(after);
            Some((unquoted(name), value))
        })
    }

    /// The elements of an array, in order; empty for other types.
    pub(crate) fn elements(self) -> impl Iterator<Item = JsonValue<'a>> {
        let mut at = if self.kind() == Kind::Array { Some(1) } else { None };
        std::iter::from_fn(move || {
            let (value, after) = self.next_part(at?)?;
            at = Some(after);
            Some(value)
        })
    }

    /// The next value from this place on, past separators, and where it ends; none at the end of the list.
    fn next_part(self, at: usize) -> Option<(JsonValue<'a>, usize)> {
        let rest = self.0.get(at..)?;
        let begin = at + rest.find(|letter| !is_space(letter) && !matches!(letter, ',' | ':'))?;
        let end = value_end(self.0.as_bytes(), begin)?;
        Some((JsonValue(self.0.get(begin..end)?), end))
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

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// The name of a member. One with half of a surrogate pair becomes empty, which no field is called.
fn unquoted(name: JsonValue<'_>) -> Cow<'_, str> {
    match name.between_quotes() {
        Some(plain) if memchr(b'\\', plain.as_bytes()).is_none() => Cow::Borrowed(plain),
        _ => Cow::Owned(serde_json::from_str(name.0).unwrap_or_default()),
    }
}

/// One past the value that begins here; none where a list ends instead.
fn value_end(json: &[u8], begin: usize) -> Option<usize> {
    match json.get(begin)? {
        b']' | b'}' => None,
        b'"' => Some(string_end(json, begin + 1)),
        b'[' | b'{' => Some(container_end(json, begin + 1)),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            Some(json[begin..].iter().position(ends).map_or(json.len(), |length| begin + length))
        }
    }
}

/// One past the string whose first quote stands before this place.
fn string_end(json: &[u8], mut at: usize) -> usize {
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

/// One past the list whose first bracket stands before this place, however deep lists in it are.
fn container_end(json: &[u8], mut at: usize) -> usize {
    let mut depth = 1_usize;
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
pub(crate) mod tests;
