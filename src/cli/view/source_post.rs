//! Source post: what the record of a post says that its answer does not repeat: the text, the author, the pictures.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::Config;
use crate::domain::RawJson;
use crate::input::decode;
use crate::input::formats::{Event, Feeds, InputRecord, MediaDraft, MediaSource, PostDraft};
use crate::kafka::publish::Annotated;

/// Where the bytes of a picture are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PictureSource {
    /// In the record of the post.
    Inline(Bytes),
    /// Behind a URL, from which the page's own server fetches it.
    Url(String),
    /// Nowhere, and why.
    Missing(&'static str),
}

impl PictureSource {
    pub(super) fn is_there(&self) -> bool {
        !matches!(self, Self::Missing(_))
    }

    pub(super) fn why(&self) -> Option<&'static str> {
        match self {
            Self::Missing(why) => Some(why),
            Self::Inline(_) | Self::Url(_) => None,
        }
    }
}

/// A post as its record says it.
#[derive(Debug)]
pub(super) struct SourcePost {
    pub(super) id: String,
    text: String,
    created_at: Option<RawJson>,
    lang: Option<RawJson>,
    author: Option<RawJson>,
    media: Vec<Medium>,
    /// What it takes: about as much as its record.
    pub(super) bytes: u64,
}

#[derive(Debug)]
struct Medium {
    key: String,
    source: PictureSource,
    preview: Option<String>,
    alt: Option<String>,
}

/// Reads records of posts in the formats of the settings.
#[derive(Debug)]
pub(super) struct PostReader {
    feeds: Feeds,
    limits: decode::Config,
}

impl PostReader {
    pub(super) fn new(config: &Config) -> Self {
        Self { feeds: Feeds::new(&config.feeds()), limits: config.decode.clone() }
    }

    /// The posts of a record; none where it cannot be read, which its dead letter tells.
    pub(super) fn read(&self, payload: &Bytes, topic: Option<&Arc<str>>) -> Vec<SourcePost> {
        let bytes = payload.len() as u64;
        let record =
            InputRecord { payload: payload.clone(), topic: topic.cloned(), ..InputRecord::default() };
        let events = self.feeds.read(&record, &self.limits).map(|read| read.events).unwrap_or_default();
        let drafts = events.into_iter().filter_map(|event| match event {
            Event::Post(draft) => Some(*draft),
            Event::Deletion { .. } | Event::Ignored { .. } | Event::Unknown { .. } | Event::Faulty(_) => None,
        });
        drafts.map(|draft| SourcePost::of(draft, bytes)).collect()
    }

    /// The beginning of the text of a record, for its dead letter.
    pub(super) fn excerpt(
        &self,
        payload: &Bytes,
        topic: Option<&Arc<str>>,
        letters: usize,
    ) -> Option<String> {
        let posts = self.read(payload, topic);
        posts.first().map(|post| post.text.chars().take(letters).collect())
    }
}

impl SourcePost {
    fn of(draft: PostDraft, bytes: u64) -> Self {
        let medium = |medium: MediaDraft| Medium {
            key: medium.key,
            source: match medium.source {
                MediaSource::Inline(Ok(bytes)) => PictureSource::Inline(bytes),
                MediaSource::Url(url) => PictureSource::Url(url),
                MediaSource::Inline(Err(_)) | MediaSource::Invalid(_) => {
                    PictureSource::Missing("The record of the post has the picture, but damaged.")
                }
                MediaSource::Missing => {
                    PictureSource::Missing("The record of the post only names the picture.")
                }
            },
            preview: medium.preview_url,
            alt: medium.alt_text,
        };
        Self {
            id: draft.id,
            text: draft.text,
            created_at: draft.created_at,
            lang: draft.lang,
            author: draft.author,
            media: draft.media.into_iter().map(medium).collect(),
            bytes,
        }
    }

    /// Adds to an answer what it does not repeat of its post.
    pub(super) fn complete(&self, annotated: &mut Annotated) {
        let post = &mut annotated.post;
        if post.text.is_empty() {
            post.text.clone_from(&self.text);
        }
        for (there, known) in [
            (&mut post.created_at, &self.created_at),
            (&mut post.lang, &self.lang),
            (&mut post.author, &self.author),
        ] {
            if there.is_none() {
                there.clone_from(known);
            }
        }
    }

    /// Where a picture is, and what the author says it shows.
    pub(super) fn picture(&self, key: &str, is_preview: bool) -> Option<(PictureSource, Option<String>)> {
        let medium = self.media.iter().find(|medium| medium.key == key)?;
        let preview = medium.preview.as_ref().filter(|_| is_preview || !medium.source.is_there());
        let source = preview.map_or_else(|| medium.source.clone(), |url| PictureSource::Url(url.clone()));
        Some((source, medium.alt.clone()))
    }
}
