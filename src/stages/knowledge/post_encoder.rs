//! Post encoder: one vector for the text and the picture of a post.

use std::sync::Arc;

use crate::common::imaging::{Picture, View};
use crate::domain::ContentHash;
use crate::scheduler::{CallError, Flow, Handle};
use crate::stages::prompt::{TextMemory, tokenise};

/// A text and a picture for the encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Vocabulary ids, with the special pieces at both ends.
    pub pieces: Vec<u32>,
    /// The picture at the network's input size.
    pub picture: Arc<Picture>,
}

/// The encoder's reply to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// A vector of length 1. Vectors of similar posts have similar directions.
    pub features: Vec<f32>,
}

/// Tokenises a text for the network: vocabulary ids, with the special pieces at both ends, at most as many as its input.
pub type TextTokenizer = Box<dyn Fn(&str) -> Vec<u32> + Send + Sync>;

/// Computes vectors of posts.
pub struct PostEncoder {
    encoder: Handle<Request, Reply>,
    tokenizer: Arc<TextTokenizer>,
    view: View,
    grey: Arc<Picture>,
    memory: TextMemory,
}

/// The mean colour of ImageNet, which networks trained on it read as an empty picture.
const GREY: [u8; 3] = [124, 116, 104];

impl PostEncoder {
    /// An encoder that calls the network behind `encoder`, with its tokenizer and its view of pictures.
    #[must_use]
    pub fn new(encoder: Handle<Request, Reply>, tokenizer: TextTokenizer, view: View) -> Self {
        let (grey, memory) = (grey(view.side), TextMemory::default());
        Self { encoder, tokenizer: Arc::new(tokenizer), view, grey, memory }
    }

    /// Takes memory for words from this limit instead of one of its own.
    #[must_use]
    pub fn within(self, memory: TextMemory) -> Self {
        Self { memory, ..self }
    }

    /// The network's view of pictures.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The vector of a post. The picture must be in [`Self::view`]; a post without one is read with a grey picture. The end
    /// of a text that is too long is ignored.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn features(
        &self,
        flow: Flow,
        text: &str,
        picture: Option<Arc<Picture>>,
    ) -> Result<Vec<f32>, CallError> {
        let picture = picture.unwrap_or_else(|| Arc::clone(&self.grey));
        let tokenizer = Arc::clone(&self.tokenizer);
        let share = self.memory.share(text).await;
        let pieces = tokenise(text, move |text| {
            let _share = share;
            tokenizer(text)
        })
        .await;
        let request = Request { pieces, picture };
        Ok(self.encoder.call(flow, request).await?.features)
    }
}

/// Replaces the picture of a post without one.
fn grey(side: u32) -> Arc<Picture> {
    let rgb = GREY.repeat(side as usize * side as usize);
    let hash = ContentHash(*blake3::hash(&rgb).as_bytes());
    Arc::new(Picture { hash, width: side, height: side, original_width: side, original_height: side, rgb })
}
