//! Text encoder and fusion. BERT, whose later blocks look at the picture between attention and
//! feed-forward.

use tch::Tensor;
use tch::nn;

use super::AlbefConfig;
use crate::networks::blocks::bert::{Attention, Embeddings, FeedForward, open_to_all};

/// The text's encoder and the fusion with the picture, under `text_encoder`.
#[derive(Debug)]
pub(super) struct FusionEncoder {
    embeddings: Embeddings,
    blocks: Vec<Block>,
}

/// One block; `crossattention` only from the fusion layer on.
#[derive(Debug)]
struct Block {
    attention: Attention,
    crossattention: Option<Attention>,
    feed_forward: FeedForward,
}

impl FusionEncoder {
    pub(super) fn new(vs: &nn::Path, config: &AlbefConfig) -> Self {
        let text = config.text();
        let block = |index: i64| {
            let block = vs / "encoder" / "layer" / index;
            let looks = index >= config.fusion_layer;
            Block {
                attention: Attention::new(&(&block / "attention"), &text, config.hidden),
                crossattention: looks
                    .then(|| Attention::new(&(&block / "crossattention"), &text, config.vision_hidden)),
                feed_forward: FeedForward::new(&block, &text),
            }
        };
        Self {
            embeddings: Embeddings::new(&(vs / "embeddings"), &text),
            blocks: (0..config.layers).map(block).collect(),
        }
    }

    /// One vector a piece that has seen text and picture, `[B, L, hidden]`; arguments as for
    /// [`Albef::logits`](super::Albef::logits).
    pub(super) fn forward(&self, pieces: &Tensor, mask: &Tensor, seen: &Tensor, rows: &Tensor) -> Tensor {
        let mut hidden = self.embeddings.forward(pieces);
        let open = open_to_all(mask);
        for Block { attention, crossattention, feed_forward } in &self.blocks {
            hidden = attention.forward(&hidden, &attention.memory(&hidden), Some(&open), 0.0);
            if let Some(crossattention) = crossattention {
                // Computed once for each picture, then handed to all of its prompts.
                let memory = crossattention.memory(seen).rows(rows);
                hidden = crossattention.forward(&hidden, &memory, None, 0.0);
            }
            hidden = feed_forward.forward(&hidden, 0.0);
        }
        hidden
    }
}
