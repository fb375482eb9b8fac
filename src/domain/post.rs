//! Posts: a text and the pictures that belong to it.

use std::sync::Arc;

use super::{BBox, Frame, Mention, RawJson, UnescapedText};

/// One post, decoded: its pictures are pixels already.
#[derive(Debug, Clone, Default)]
pub struct Post {
    /// The feed's own identifier; the key of every record about this post.
    pub id: String,
    /// The key of its answer where that is not the id.
    pub key: Option<String>,
    /// The address of the post as a URI.
    pub uri: Option<String>,
    /// The text as it came, any Unicode.
    pub text: String,
    /// The text without HTML escapes or markup, where it has any and the settings undo them.
    pub unescaped: Option<UnescapedText>,
    /// When the author wrote it, as the feed says it.
    pub created_at: Option<RawJson>,
    /// Its language, as the feed says it.
    pub lang: Option<RawJson>,
    /// Who wrote it, as the feed says it.
    pub author: Option<RawJson>,
    /// The pictures, in the order of the post.
    pub media: Vec<Media>,
}

/// One picture of a post.
#[derive(Debug, Clone)]
pub struct Media {
    /// The feed's key of this picture; unique within its post.
    pub key: String,
    /// The decoded picture, shared by all posts with the same bytes.
    pub frame: Arc<Frame>,
    /// What the author says it shows.
    pub alt_text: Option<String>,
    /// Regions that came with it, among which a joint network chooses, in pixels of the upright picture.
    pub candidate_boxes: Vec<BBox>,
    /// Its place among the media of the feed's post, some of which may be no pictures.
    pub index: usize,
    /// It is the preview of a medium that is no picture, such as a video.
    pub is_preview: bool,
}

impl Post {
    /// The text that networks read: without HTML escapes and markup.
    #[must_use]
    pub fn plain_text(&self) -> &str {
        self.unescaped.as_ref().map_or(&self.text, UnescapedText::text)
    }

    /// A mention found in [`Self::plain_text`], with its span and spelling in the received text.
    #[must_use]
    pub fn in_received_text(&self, mention: Mention) -> Mention {
        let Some(unescaped) = &self.unescaped else { return mention };
        let span = unescaped.received_span(&self.text, mention.span);
        let text = self.text.get(span.byte_start..span.byte_end).unwrap_or_default().to_owned();
        Mention { text, span, ..mention }
    }
}
