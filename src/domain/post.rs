//! What came in: a text and the pictures that belong to it.

use std::sync::Arc;

use super::{Carried, Frame, Mention, Unescaped};

/// One post, decoded: its pictures are pixels already.
#[derive(Debug, Clone)]
pub struct Post {
    /// The feed's own identifier; the key of every record about this post.
    pub id: String,
    /// The text as it came, any Unicode.
    pub text: String,
    /// The text without its escapes, where it has any and they are to be undone.
    pub unescaped: Option<Unescaped>,
    /// When the author wrote it, as the feed says it.
    pub created_at: Option<Carried>,
    /// Its language, as the feed says it.
    pub lang: Option<Carried>,
    /// Who wrote it, as the feed says it.
    pub author: Option<Carried>,
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
    /// Its place among the media of the feed's post, some of which may be no pictures.
    pub index: usize,
    /// It stands for a medium that is no picture, such as a video.
    pub is_preview: bool,
}

impl Post {
    /// The text as networks read it: without its escapes.
    #[must_use]
    pub fn read_text(&self) -> &str {
        self.unescaped.as_ref().map_or(&self.text, Unescaped::text)
    }

    /// A mention found in [`Self::read_text`] where it stands in the text that was received, and as it is written there.
    #[must_use]
    pub fn as_received(&self, mention: Mention) -> Mention {
        let Some(unescaped) = &self.unescaped else { return mention };
        let span = unescaped.in_received(&self.text, mention.span);
        let text = self.text.get(span.byte_start..span.byte_end).unwrap_or_default().to_owned();
        Mention { text, span, ..mention }
    }
}
