//! A decoded post, what is missing of it, and its share of the memory for pictures.

use std::ops::Deref;

use crate::common::permits::Permit;
use crate::domain::{Degradation, Post};

use super::omitted::OmittedMedia;

/// A decoded post. Its share of the memory for pictures is given back when this is dropped.
#[derive(Debug)]
pub struct DecodedPost {
    pub(super) post: Post,
    pub(super) degraded: Vec<Degradation>,
    pub(super) omitted: Vec<OmittedMedia>,
    pub(super) fetched_urls: Vec<(String, String)>,
    pub(super) _memory: Option<Permit>,
}

impl Deref for DecodedPost {
    type Target = Post;

    fn deref(&self) -> &Post {
        &self.post
    }
}

impl DecodedPost {
    /// What is missing of the post.
    #[must_use]
    pub fn degraded(&self) -> &[Degradation] {
        &self.degraded
    }

    /// The media that the post is answered without.
    #[must_use]
    pub fn omitted_media(&self) -> &[OmittedMedia] {
        &self.omitted
    }

    /// The pictures that were fetched: keys and URLs.
    #[must_use]
    pub fn fetched_urls(&self) -> &[(String, String)] {
        &self.fetched_urls
    }
}
