//! Example retriever: the examples most similar to a post, by the vectors of the post encoder.

use std::sync::{Arc, OnceLock};

use super::{Index, PostEncoder};
use crate::common::imaging::{Picture, View};
use crate::scheduler::{CallError, Flow};

/// Finds the examples most similar to a post.
pub struct ExampleRetriever {
    /// Computes the vectors of posts.
    pub encoder: PostEncoder,
    /// The vectors of the examples; set when they are loaded or computed.
    index: OnceLock<Index>,
}

impl ExampleRetriever {
    /// A retriever without an index.
    #[must_use]
    pub fn new(encoder: PostEncoder) -> Self {
        Self { encoder, index: OnceLock::new() }
    }

    /// Sets the index. Later calls change nothing.
    pub fn set_index(&self, index: Index) {
        // A second index is from the same examples and the same encoder.
        let _ = self.index.set(index);
    }

    /// How the encoder reads pictures.
    #[must_use]
    pub fn view(&self) -> View {
        self.encoder.view()
    }

    /// The numbers of the `count` examples most similar to a post, the most similar first, without the post itself; none
    /// while there is no index.
    ///
    /// # Errors
    /// [`CallError`] of the encoder.
    pub async fn nearest(
        &self,
        flow: Flow,
        (id, text): (&str, &str),
        picture: Option<Arc<Picture>>,
        count: usize,
    ) -> Result<Option<Vec<usize>>, CallError> {
        let Some(index) = self.index.get() else { return Ok(None) };
        let features = self.encoder.features(flow, text, picture).await?;
        Ok(Some(index.nearest(&features, count, Some(id)).iter().map(|near| near.row).collect()))
    }
}
