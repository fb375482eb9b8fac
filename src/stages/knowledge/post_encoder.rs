//! What is a post about, as one vector? Its text and its picture, put to the encoder together.

use std::sync::Arc;

use crate::common::imaging::{Picture, View};
use crate::domain::ContentHash;
use crate::scheduler::{CallError, Flow, Handle};
use crate::stages::prompt::tokenise;

/// A text and a picture as the encoder reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Vocabulary ids, with the special pieces at both ends.
    pub pieces: Vec<u32>,
    /// The picture at the side that the network asks for.
    pub picture: Arc<Picture>,
}

/// What the encoder says of a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// A vector of length 1; those of similar posts point in similar directions.
    pub features: Vec<f32>,
}

/// How the network reads a text: vocabulary ids, with the special pieces at both ends, no more than it can hold.
pub type TextTokenizer = Box<dyn Fn(&str) -> Vec<u32> + Send + Sync>;

/// Says what posts are about.
pub struct PostEncoder {
    encoder: Handle<Request, Reply>,
    tokenizer: Arc<TextTokenizer>,
    view: View,
    grey: Arc<Picture>,
}

/// The mean of ImageNet's pictures, which networks that were taught on them read as nothing.
const GREY: [u8; 3] = [124, 116, 104];

impl PostEncoder {
    /// Asks the network behind `encoder`, which reads texts by `tokenizer` and sees pictures in `view`.
    #[must_use]
    pub fn new(encoder: Handle<Request, Reply>, tokenizer: TextTokenizer, view: View) -> Self {
        Self { encoder, tokenizer: Arc::new(tokenizer), view, grey: grey(view.side) }
    }

    /// In which form it reads pictures.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The vector of a post. The picture is one in [`Self::view`]; a post without one is read with a picture of nothing.
    /// Of a text that is too long the end is not read.
    ///
    /// # Errors
    /// [`CallError`] says whose fault it was.
    pub async fn features(
        &self,
        flow: Flow,
        text: &str,
        picture: Option<Arc<Picture>>,
    ) -> Result<Vec<f32>, CallError> {
        let picture = picture.unwrap_or_else(|| Arc::clone(&self.grey));
        let tokenizer = Arc::clone(&self.tokenizer);
        let pieces = tokenise(text, move |text| tokenizer(text)).await;
        let request = Request { pieces, picture };
        Ok(self.encoder.call(flow, request).await?.features)
    }
}

/// Stands in for a picture that a post does not have.
fn grey(side: u32) -> Arc<Picture> {
    let rgb = GREY.repeat(side as usize * side as usize);
    let hash = ContentHash(*blake3::hash(&rgb).as_bytes());
    Arc::new(Picture { hash, width: side, height: side, original_width: side, original_height: side, rgb })
}
