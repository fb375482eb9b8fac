//! Annotated posts: the input of output formats.

use super::PostFacts;
use crate::domain::{Annotation, ContentHash, Mention, Post};

/// An annotation with the facts about its post that readers need.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotated {
    /// The id of the post.
    pub post_id: String,
    /// The id in the key of its answer where that is not `post_id`, such as that of the first version of an edited post.
    pub key: Option<String>,
    /// The pictures of the post, in its order.
    pub media: Vec<MediaInfo>,
    /// The annotation.
    pub annotation: Annotation,
    /// What the feed says about the post.
    pub post: PostFacts,
}

/// The facts about a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaInfo {
    /// The key of the picture in the feed.
    pub key: String,
    /// The width of the upright picture, to which boxes and masks refer.
    pub width: u32,
    /// The height of the upright picture.
    pub height: u32,
    /// The EXIF orientation of the stored picture, 1 to 8. 1: upright.
    pub orientation: u8,
    /// The hash of the encoded bytes.
    pub hash: ContentHash,
    /// The index among the media of the post in the feed, some of which may be omitted.
    pub index: usize,
    /// It is the preview of a medium that is not a picture, such as a video.
    pub is_preview: bool,
}

/// Engine and bundle, the same for all annotations of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The engine's version.
    pub engine: String,
    /// The hash of the bundle in use.
    pub bundle: String,
}

impl Provenance {
    /// This version of the engine with a bundle.
    #[must_use]
    pub fn of_bundle(hash: &str) -> Self {
        Self { engine: env!("CARGO_PKG_VERSION").to_owned(), bundle: hash.to_owned() }
    }
}

impl Annotated {
    /// The annotation of a post. Pixels are not kept. `addresses`: keys of its pictures with the URLs from which they
    /// were fetched.
    #[must_use]
    pub fn new(post: &Post, annotation: Annotation, addresses: &[(String, String)]) -> Self {
        let media = post.media.iter().map(|media| MediaInfo {
            key: media.key.clone(),
            width: media.frame.width,
            height: media.frame.height,
            orientation: media.frame.orientation,
            hash: media.frame.hash,
            index: media.index,
            is_preview: media.is_preview,
        });
        let facts = PostFacts::of(post, addresses);
        Self {
            post_id: post.id.clone(),
            key: post.key.clone(),
            media: media.collect(),
            annotation,
            post: facts,
        }
    }

    /// The id in the key of its answer.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.post_id)
    }

    /// The id of an entity: it depends on the post's id, the mention's span and its type alone.
    #[must_use]
    pub fn entity_id(&self, mention: &Mention) -> String {
        let mut hasher = blake3::Hasher::new();
        // The length before the text: different parts never join to the same bytes.
        hasher.update(&(self.post_id.len() as u64).to_le_bytes()).update(self.post_id.as_bytes());
        hasher.update(&(mention.span.byte_start as u64).to_le_bytes());
        hasher.update(&(mention.span.byte_end as u64).to_le_bytes());
        hasher.update(mention.entity_type.as_str().as_bytes());
        hasher.finalize().to_hex()[..16].to_owned()
    }
}
