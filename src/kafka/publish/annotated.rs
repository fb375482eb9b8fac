//! Annotated posts: what an output format gets to encode.

use super::Included;
use crate::domain::{Annotation, ContentHash, Mention, Post};

/// A post's annotation with what its readers need to know of the post.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotated {
    /// Which post.
    pub post_id: String,
    /// The post's pictures, in its order.
    pub media: Vec<MediaInfo>,
    /// What was found.
    pub annotation: Annotation,
    /// What is repeated of the post.
    pub included: Included,
}

/// What readers of an annotation are told of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaInfo {
    /// The feed's key.
    pub key: String,
    /// Columns of the upright picture, which boxes and masks refer to.
    pub width: u32,
    /// Its rows.
    pub height: u32,
    /// How the stored picture was turned to be upright, as EXIF numbers it: 1 to 8, 1 for not at all.
    pub orientation: u8,
    /// The hash of its encoded bytes.
    pub hash: ContentHash,
    /// Its place among the media of the feed's post, some of which may be left out.
    pub index: usize,
    /// It stands for a medium that is no picture, such as a video.
    pub is_preview: bool,
}

/// Who made the annotations: the same for all of an engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The engine's version.
    pub engine: String,
    /// The hash of the bundle in use.
    pub bundle: String,
}

impl Provenance {
    /// This engine with a bundle of that hash.
    #[must_use]
    pub fn of_bundle(hash: &str) -> Self {
        Self { engine: env!("CARGO_PKG_VERSION").to_owned(), bundle: hash.to_owned() }
    }
}

impl Annotated {
    /// The annotation of that post; its pixels are not kept.
    #[must_use]
    pub fn new(post: &Post, annotation: Annotation) -> Self {
        let media = post.media.iter().map(|media| MediaInfo {
            key: media.key.clone(),
            width: media.frame.width,
            height: media.frame.height,
            orientation: media.frame.orientation,
            hash: media.frame.hash,
            index: media.index,
            is_preview: media.is_preview,
        });
        let included = Included::default();
        Self { post_id: post.id.clone(), media: media.collect(), annotation, included }
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
