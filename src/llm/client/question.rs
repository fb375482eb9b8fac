//! Question: the rendered prompt, its pictures, and the form of its answer.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

/// A rendered question. Equal questions have equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// The system message; empty: none is sent.
    pub system: String,
    /// The user message.
    pub prompt: String,
    /// The JSON object that is to hold the answer; none: plain text.
    pub schema: Option<AnswerSchema>,
    /// The pictures in the user message, before the prompt: servers that cache prefixes encode a picture once for all
    /// questions about it.
    pub pictures: Vec<Picture>,
}

/// The JSON object that is to hold an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerSchema {
    /// One text in the field of this name. The system message describes the object.
    Text(&'static str),
    /// An object of this JSON schema, which the prompt describes.
    Object(Arc<Value>),
}

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The bytes of the file.
    pub bytes: Bytes,
    /// Its media type, such as `image/jpeg`.
    pub media_type: &'static str,
}
