//! The draft of a post: what a record says, before its media are fetched and decoded.

use bytes::Bytes;

use crate::domain::{BBox, RawJson, UnescapedText};
use crate::input::MediaFault;
use crate::input::html_escapes::unescaped;

/// A post whose media are still encoded, or behind URLs.
#[derive(Debug)]
pub struct PostDraft {
    /// The feed's id; not empty.
    pub id: String,
    /// The key of its answer where that is not the id, such as the id of the first version of an edited post.
    pub key: Option<String>,
    /// The address of the post as a URI.
    pub uri: Option<String>,
    /// The text as it came.
    pub text: String,
    /// How the text is written.
    pub text_form: TextForm,
    /// When the author wrote it, as the feed says it.
    pub created_at: Option<RawJson>,
    /// Its language, as the feed says it.
    pub lang: Option<RawJson>,
    /// Who wrote it, as the feed says it.
    pub author: Option<RawJson>,
    /// Its media, in the order of the record. No two have one key.
    pub media: Vec<MediaDraft>,
    /// What the answer does not repeat of the record, in words for its provenance.
    pub degraded: Vec<String>,
}

/// One medium of a post.
#[derive(Debug)]
pub struct MediaDraft {
    /// The feed's key of the medium.
    pub key: String,
    /// The type that the feed declares, such as `photo` or `video/mp4`. The bytes decide the format.
    pub declared_type: Option<String>,
    /// Where its bytes are.
    pub source: MediaSource,
    /// The URL of a picture that stands for a medium that is no picture.
    pub preview_url: Option<String>,
    /// What the author says it shows.
    pub alt_text: Option<String>,
    /// Regions that came with it, in pixels of the upright picture.
    pub candidate_boxes: Vec<BBox>,
}

/// Where the bytes of a medium are.
#[derive(Debug)]
pub enum MediaSource {
    /// In the record; the fault where their encoding is damaged or they are too many.
    Inline(Result<Bytes, MediaFault>),
    /// Behind a URL.
    Url(String),
    /// Nowhere: the feed names the medium alone.
    Missing,
    /// The record contradicts itself about them.
    Invalid(MediaFault),
}

/// How the text of a post is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TextForm {
    /// As people read it.
    #[default]
    Plain,
    /// With HTML escapes, which `decode.unescape` undoes.
    HtmlEscapes,
    /// In a markup: the text without it, with the place of each piece in the received text.
    Converted(UnescapedText),
}

impl TextForm {
    /// The text as networks read it, with the place of each piece in the received text; none where that is the received
    /// text itself. `unescape`: the setting `decode.unescape`.
    pub(crate) fn read(self, received: &str, unescape: bool) -> Option<UnescapedText> {
        match self {
            Self::HtmlEscapes if unescape => unescaped(received),
            Self::HtmlEscapes | Self::Plain => None,
            Self::Converted(converted) => Some(converted),
        }
    }
}
