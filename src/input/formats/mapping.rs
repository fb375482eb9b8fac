//! Mappings: formats of the user's own, described by one JSONPath (RFC 9535) for each field of a post.
//!
//! JSONPath works on a parsed document, which takes many times the memory of its text. A record of more values than any
//! post has is therefore refused before it is parsed.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::domain::{RawJson, Rejection, RejectionClass};
use crate::input::MediaFault;
use crate::input::escape::shortened;
use crate::input::fault::{malformed, rejection};

use super::base64;
use super::draft::{MediaDraft, MediaSource, PostDraft, TextForm};
use super::format::{Event, ReadContext};
use super::json::{JsonValue, name_at, within_max_text};

/// The fields that a mapping may have.
pub const MAPPED_FIELDS: &[&str] = &[
    "id",
    "text",
    "created_at",
    "lang",
    "author",
    "uri",
    "deleted",
    "media",
    "media_key",
    "media_url",
    "media_bytes",
    "media_preview",
    "media_alt",
    "media_type",
];

/// The most values of a record. A post with all its metadata has some thousands; a parsed value takes up to 100 bytes.
const MAX_VALUES: usize = 200_000;

/// A compiled mapping.
#[derive(Debug, Clone)]
pub struct Mapping {
    name: String,
    paths: BTreeMap<String, JsonPath>,
}

impl Mapping {
    /// Compiles a mapping from paths by field.
    ///
    /// # Errors
    /// Faults by field: a field that no post has, one that is missing, a path that is none.
    pub fn new(name: &str, fields: &BTreeMap<String, String>) -> Result<Self, Vec<(String, String)>> {
        let (mut faults, mut paths) = (Vec::new(), BTreeMap::new());
        for (field, path) in fields {
            if !MAPPED_FIELDS.contains(&field.as_str()) {
                let message = format!("there is no such field; the fields are {}", MAPPED_FIELDS.join(", "));
                faults.push((field.clone(), message));
                continue;
            }
            match JsonPath::parse(path) {
                Ok(path) => drop(paths.insert(field.clone(), path)),
                Err(error) => {
                    let message = format!("is `{path}`, which is no JSONPath: {}", error.message());
                    faults.push((field.clone(), message));
                }
            }
        }
        for required in ["id", "text"].into_iter().filter(|field| !fields.contains_key(*field)) {
            faults.push((required.to_owned(), "must be a JSONPath, such as `$.id`".to_owned()));
        }
        if faults.is_empty() { Ok(Self { name: name.to_owned(), paths }) } else { Err(faults) }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// `malformed` where a required path finds nothing or a value of the wrong type, with the path; `too-large` with the
    /// limit.
    pub(super) fn read(
        &self,
        record: JsonValue<'_>,
        context: &ReadContext<'_>,
    ) -> Result<Vec<Event>, Rejection> {
        let record = parsed(record)?;
        let id = self.name(&record, "id")?;
        if self.first(&record, "deleted").is_some_and(is_set) {
            return Ok(vec![Event::Deletion { id }]);
        }
        let Some(text) = self.first(&record, "text").and_then(Value::as_str) else {
            return Err(self.missing(&record, "text", "a string"));
        };
        within_max_text(text, "text", context.limits)?;
        let repeated = |field| {
            let value = self.first(&record, field).filter(|value| !value.is_null());
            value.map(|value| RawJson::new(value.to_string()))
        };
        let draft = PostDraft {
            id,
            key: None,
            uri: self.first(&record, "uri").and_then(Value::as_str).map(str::to_owned),
            text: text.to_owned(),
            text_form: TextForm::HtmlEscapes,
            created_at: repeated("created_at"),
            lang: repeated("lang"),
            author: repeated("author"),
            media: self.media(&record, context)?,
            degraded: Vec::new(),
        };
        Ok(vec![Event::Post(Box::new(draft))])
    }

    /// How many values each path of the mapping finds in a record, under the path's setting; paths of a medium are counted over all media.
    ///
    /// # Errors
    /// The record cannot be read by a mapping.
    pub(super) fn found(&self, record: JsonValue<'_>) -> Result<Vec<(String, usize)>, Rejection> {
        let record = parsed(record)?;
        let media = self.all(&record, "media");
        let count = |field: &str, path: &JsonPath| match field.strip_prefix("media_") {
            Some(_) => media.iter().map(|medium| path.query(medium).len()).sum(),
            None => path.query(&record).len(),
        };
        let setting = |field, path| format!("ingest.mappings.{}.{field} = `{path}`", self.name);
        Ok(self.paths.iter().map(|(field, path)| (setting(field, path), count(field, path))).collect())
    }

    fn media(&self, record: &Value, context: &ReadContext<'_>) -> Result<Vec<MediaDraft>, Rejection> {
        let (listed, limit) = (self.all(record, "media"), context.limits.max_media);
        if listed.len() > limit {
            let message = format!("the mapping finds more media than the {limit} of decode.max_media");
            return Err(rejection(RejectionClass::TooLarge, message));
        }
        let mut media: Vec<MediaDraft> = Vec::with_capacity(listed.len());
        for (index, medium) in listed.into_iter().enumerate() {
            let key = match self.first(medium, "media_key") {
                Some(_) => self.name(medium, "media_key")?,
                None => index.to_string(),
            };
            if media.iter().any(|earlier| earlier.key == key) {
                let message = format!("the media key `{}` names an earlier picture too", shortened(&key));
                return Err(malformed(&message));
            }
            let text = |field| self.first(medium, field).and_then(Value::as_str).map(str::to_owned);
            media.push(MediaDraft {
                key,
                declared_type: text("media_type"),
                source: self.source(medium, context),
                preview_url: text("media_preview"),
                alt_text: text("media_alt"),
                candidate_boxes: Vec::new(),
            });
        }
        Ok(media)
    }

    /// Where the bytes of a medium are. A medium that is a string is its address.
    fn source(&self, medium: &Value, context: &ReadContext<'_>) -> MediaSource {
        let limit = context.limits.max_picture.as_u64();
        if let Some(bytes) = self.first(medium, "media_bytes").and_then(Value::as_str) {
            return MediaSource::Inline(base64::decoded(bytes, limit).map(Into::into));
        }
        let found =
            if self.paths.contains_key("media_url") { self.first(medium, "media_url") } else { Some(medium) };
        match found {
            Some(Value::String(url)) if base64::is_data_url(url) => {
                MediaSource::Inline(base64::decoded(url, limit).map(Into::into))
            }
            Some(Value::String(url)) => MediaSource::Url(url.clone()),
            None | Some(Value::Null) => MediaSource::Missing,
            Some(other) => {
                let message = format!("has {} where its address is expected", kind(other));
                MediaSource::Invalid(MediaFault::malformed(message))
            }
        }
    }

    fn all<'a>(&self, value: &'a Value, field: &str) -> Vec<&'a Value> {
        self.paths.get(field).map_or_else(Vec::new, |path| path.query(value).all())
    }

    fn first<'a>(&self, value: &'a Value, field: &str) -> Option<&'a Value> {
        self.paths.get(field)?.query(value).first()
    }

    /// An id or a key.
    fn name(&self, value: &Value, field: &str) -> Result<String, Rejection> {
        let Some(found) = self.first(value, field).filter(|found| !found.is_null()) else {
            return Err(self.missing(value, field, "a string or a whole number"));
        };
        let name = name_at(JsonValue::of(&found.to_string()), field)?;
        if name.is_empty() { Err(malformed(&format!("`{field}` is empty"))) } else { Ok(name) }
    }

    /// The rejection where a path finds nothing that can be used.
    fn missing(&self, value: &Value, field: &str, expected: &str) -> Rejection {
        let path = self.paths.get(field).map(ToString::to_string).unwrap_or_default();
        let found = self.first(value, field).map_or("nothing", kind);
        let name = &self.name;
        malformed(&format!(
            "the mapping `{name}` finds {found} at ingest.mappings.{name}.{field} = `{path}`; {expected} is expected"
        ))
    }
}

/// The record as a document, if it is not too large for one.
fn parsed(record: JsonValue<'_>) -> Result<Value, Rejection> {
    let values =
        memchr::memchr3_iter(b',', b'[', b'{', record.text().as_bytes()).take(MAX_VALUES + 1).count();
    if values > MAX_VALUES {
        let message = format!("the record has more than the {MAX_VALUES} values that a mapping may read");
        return Err(rejection(RejectionClass::TooLarge, message));
    }
    serde_json::from_str(record.text())
        .map_err(|error| malformed(&format!("the record cannot be read by a mapping: {error}")))
}

/// Whether a value says yes: anything but null, false, 0 and "".
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
