//! Stored pictures of a post: those that a record has, or whose files it names.

use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use url::Url;

use crate::common::plain_file;

/// A picture of a record, which is read when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct StoredPicture<'record> {
    /// Its key.
    pub key: &'record str,
    bytes: Option<&'record str>,
    url: Option<&'record str>,
}

/// The pictures of a record.
pub fn pictures(record: &Value) -> impl Iterator<Item = StoredPicture<'_>> {
    let media = record.get("media").and_then(Value::as_array);
    media.into_iter().flatten().map(|medium| {
        let text = |key: &str| medium.get(key).and_then(Value::as_str);
        StoredPicture { key: text("key").unwrap_or_default(), bytes: text("bytes"), url: text("url") }
    })
}

impl StoredPicture<'_> {
    /// Its file; none where the record has its bytes, or where it lies elsewhere.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        if self.bytes.is_some() {
            return None;
        }
        self.url.and_then(|url| Url::parse(url).ok()?.to_file_path().ok())
    }

    /// The bytes of the picture.
    ///
    /// # Errors
    /// Why there are none.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        if let Some(bytes) = self.bytes {
            return BASE64_STANDARD.decode(bytes).map_err(|error| format!("a picture is no base64: {error}"));
        }
        let path = self.file().ok_or("a picture is neither in the record nor in a file")?;
        plain_file::read(&path)
            .map_err(|error| format!("the picture `{}` cannot be read: {error}", path.display()))
    }
}
