//! Question: the rendered prompt, and a picture.

use bytes::Bytes;

/// A rendered question. Equal questions have equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// The system message; empty: none is sent.
    pub system: String,
    /// The user message.
    pub prompt: String,
    /// The field of the JSON object that is to hold the answer; none: plain text.
    pub field: Option<&'static str>,
    /// The picture in the user message.
    pub picture: Option<Picture>,
}

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The bytes of the file.
    pub bytes: Bytes,
    /// Its media type, such as `image/jpeg`.
    pub media_type: &'static str,
}
