//! What came in: a text and the pictures that belong to it.

use std::sync::Arc;

use super::Frame;

/// One post, decoded: its pictures are pixels already.
#[derive(Debug, Clone)]
pub struct Post {
    /// The feed's own identifier; the key of every record about this post.
    pub id: String,
    /// The text as it came, any Unicode.
    pub text: String,
    /// When the author wrote it, as the feed says it (RFC 3339 where the feed keeps to it).
    pub created_at: Option<String>,
    /// BCP 47 language tag, where the feed gives one.
    pub lang: Option<String>,
    /// Who wrote it, as the feed names them.
    pub author: Option<String>,
    /// The pictures, in the order of the post.
    pub media: Vec<Media>,
}

/// One picture of a post.
#[derive(Debug, Clone)]
pub struct Media {
    /// The feed's key of this picture; unique within its post.
    pub key: String,
    /// The decoded picture, shared by everyone who looks at it.
    pub frame: Arc<Frame>,
    /// What the author says it shows.
    pub alt_text: Option<String>,
}
