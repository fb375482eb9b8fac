//! Which examples does a question show? Those most like the post, as the encoder sees both.

use std::sync::{Arc, OnceLock};

use super::{Index, PostEncoder};
use crate::common::imaging::{Picture, View};
use crate::scheduler::{CallError, Flow};

/// Finds examples that are like a post.
pub struct ExampleRetriever {
    /// Says what posts are about.
    pub encoder: PostEncoder,
    /// What the examples are about, in their order; the encoder may have to be asked first.
    index: OnceLock<Index>,
}

impl ExampleRetriever {
    /// Nothing is known of the examples yet.
    #[must_use]
    pub fn new(encoder: PostEncoder) -> Self {
        Self { encoder, index: OnceLock::new() }
    }

    /// What the examples are about, from now on; whoever says so first is believed.
    pub fn set_index(&self, index: Index) {
        // A second index is of the same examples and the same encoder.
        let _ = self.index.set(index);
    }

    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        self.encoder.view()
    }

    /// The numbers of the `count` examples most like a post, the most similar first, without the post itself; nothing as
    /// long as nothing is known of the examples.
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
