//! What is a language model asked?

use bytes::Bytes;

/// A question, rendered: the same question is the same text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// What it is to be; empty: it is told nothing.
    pub system: String,
    /// What it is asked.
    pub prompt: String,
    /// What the text of the answer is called where it is asked for as a JSON object; none: the answer is plain text.
    pub field: Option<&'static str>,
    /// What it is shown with that.
    pub picture: Option<Picture>,
}

/// A picture as a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The encoded picture.
    pub bytes: Bytes,
    /// What it is encoded as, such as `image/jpeg`.
    pub media_type: &'static str,
}
