//! Parts of a post that both APIs of X have, and media with or without an address.

use std::borrow::Cow;

use crate::domain::RejectionClass;
use crate::input::MediaFault;

use super::super::draft::{MediaDraft, MediaSource, PostDraft, TextForm};
use super::super::format::Event;
use super::super::json::{JsonValue, field, repeated, text_field};

/// The parts of a post that both APIs have, and where it was read from.
pub(super) struct Parts {
    pub(super) id: String,
    /// The first version of an edited post.
    pub(super) first_version: Option<String>,
    pub(super) text: String,
    pub(super) media: Vec<MediaDraft>,
    pub(super) degraded: Vec<String>,
}

impl Parts {
    /// The post. Time and author are those of `own`; the language is that of `source`, whose text it has: these differ
    /// for a retweet.
    pub(super) fn event(
        self,
        own: JsonValue<'_>,
        source: JsonValue<'_>,
        author: Option<JsonValue<'_>>,
    ) -> Event {
        let Self { id, first_version, text, media, mut degraded } = self;
        let mut repeat = |name, value| repeated(name, value, &mut degraded);
        let created_at = repeat("created_at", field(own, "created_at"));
        let lang = repeat("lang", field(source, "lang").or_else(|| field(own, "lang")));
        let author = repeat("author", author);
        Event::Post(Box::new(PostDraft {
            uri: Some(format!("https://x.com/i/web/status/{id}")),
            key: first_version.filter(|first| *first != id),
            id,
            text,
            text_form: TextForm::HtmlEscapes,
            created_at,
            lang,
            author,
            media,
            degraded,
        }))
    }
}

/// A medium of either API. A video has no address of its own here, only that of a picture of it.
pub(super) fn medium(
    key: String,
    described: JsonValue<'_>,
    picture: Option<String>,
    alt_text: &str,
) -> MediaDraft {
    let declared_type = text_field(described, "type").map(Cow::into_owned);
    let is_photo = declared_type.as_deref().is_none_or(|declared| declared == "photo");
    let missing = || {
        missing("has no address: X sends `url` and `preview_image_url` where `media.fields` asks for them")
    };
    let (source, preview_url) = match picture {
        Some(url) if is_photo => (MediaSource::Url(url), None),
        Some(preview) => (MediaSource::Missing, Some(preview)),
        None => (missing(), None),
    };
    let alt_text = text_field(described, alt_text).map(Cow::into_owned);
    MediaDraft { key, declared_type, source, preview_url, alt_text, candidate_boxes: Vec::new() }
}

/// A medium that the record names and does not describe. The answer says why it lacks it.
pub(super) fn missing(fault: &str) -> MediaSource {
    MediaSource::Invalid(MediaFault::new(RejectionClass::UnsupportedMedia, fault))
}
