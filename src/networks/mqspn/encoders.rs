//! Encoders of MQSPN: one for the text, one for the picture. Their last layers exchange features. Queries attend to the text in
//! every layer.

use tch::Tensor;
use tch::nn::{self, Module};

use super::picture::{Patches, PictureLayer};
use super::{MqspnConfig, Text};
use crate::networks::blocks::bert::{Attention, Embeddings, FeedForward, open_to_all};

/// Both encoders.
#[derive(Debug)]
pub(super) struct Encoders {
    embeddings: Embeddings,
    layers: Vec<TextLayer>,
    patches: Patches,
    picture_layers: Vec<PictureLayer>,
    fused: usize,
}

/// A layer of the text's encoder.
#[derive(Debug)]
struct TextLayer {
    attention: Attention,
    feed_forward: FeedForward,
    /// Of the last layers: what the picture adds inside the feed-forward layer.
    fusion: Option<nn::Linear>,
}

/// Pieces, patches and queries after the encoders.
#[derive(Debug)]
pub(super) struct Encoded {
    /// `[B, L, d]`.
    pub(super) pieces: Tensor,
    /// `[B, 1 + patches, d]`.
    pub(super) patches: Tensor,
    /// `[B, Q, d]`.
    pub(super) queries: Tensor,
}

impl Encoders {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let (text, hidden) = (config.text(), config.hidden);
        let (bert, vision) = (vs / "bert", vs / "vision_model");
        let layer = |index: i64| {
            let path = &bert / "encoder" / "layer" / index;
            let is_fused = index >= config.layers - config.fused_layers;
            let fusion = || {
                nn::linear(&path / "intermediate" / "fusion_dense", hidden, config.ffn, Default::default())
            };
            TextLayer {
                attention: Attention::new(&(&path / "attention"), &text, hidden),
                feed_forward: FeedForward::new(&path, &text),
                fusion: is_fused.then(fusion),
            }
        };
        let picture_layer = |index: i64| PictureLayer::new(&(&vision / "encoder" / "layers" / index), config);
        Self {
            embeddings: Embeddings::new(&(&bert / "embeddings"), &text),
            layers: (0..config.layers).map(layer).collect(),
            patches: Patches::new(&vision, config),
            picture_layers: (0..config.vision_layers).map(picture_layer).collect(),
            fused: config.fused_layers as usize,
        }
    }

    /// Folds what only training needs apart.
    pub(super) fn freeze(&mut self) {
        self.patches.freeze();
    }

    /// The layers that see the picture alone: `[B, 3, S, S]` to `[B, 1 + patches, d]`.
    pub(super) fn see(&self, pixels: &Tensor) -> Tensor {
        let alone = self.picture_layers.len() - self.fused;
        let patches = self.patches.forward(pixels);
        self.picture_layers[..alone]
            .iter()
            .fold(patches, |patches, layer| layer.forward(&patches, None, None))
    }

    /// All layers of the text, and those of the picture that see the text.
    ///
    /// `seen` is what [`Self::see`] gives, `open_patches` `[B, 1 + patches]` of `Bool`; `queries` and `positions` are
    /// `[1, Q, d]`.
    pub(super) fn read(
        &self,
        text: &Text,
        (seen, open_patches): (&Tensor, &Tensor),
        (queries, positions): (&Tensor, &Tensor),
        dropout: f64,
    ) -> Encoded {
        let mut pieces = self.embeddings.forward(&text.pieces).dropout(dropout, dropout > 0.0);
        let mut queries = queries.expand([pieces.size()[0], -1, -1], false);
        let mut patches = seen.shallow_clone();
        let open = open_to_all(&text.mask);
        let open_both = open_to_all(&Tensor::cat(&[&text.mask, open_patches], 1));
        let alone = self.picture_layers.len() - self.fused;
        let mut picture_layers = self.picture_layers[alone..].iter();
        for layer in &self.layers {
            let memory = layer.attention.memory(&pieces);
            // Queries read what the pieces read, by the same parameters; pieces do not see the queries.
            let asking = &queries + positions;
            let asked = layer.attention.forward_asking(&asking, &queries, &memory, Some(&open), dropout);
            queries = layer.feed_forward.forward(&asked, dropout);

            let read = layer.attention.forward(&pieces, &memory, Some(&open), dropout);
            let fused = layer.fusion.as_ref().and_then(|fusion| Some((fusion, picture_layers.next()?)));
            let Some((fusion, picture)) = fused else {
                pieces = layer.feed_forward.forward(&read, dropout);
                continue;
            };
            patches = picture.forward(&patches, Some(&memory), Some(&open_both));
            let added = fusion.forward(&shown(&read, &patches, open_patches));
            pieces = layer.feed_forward.forward_adding(&read, &added, dropout);
        }
        Encoded { pieces, patches, queries }
    }
}

/// For each piece the mean of the patches, by how much they are like the piece: `[B, L, d]` and `[B, n, d]` to `[B, L, d]`.
fn shown(pieces: &Tensor, patches: &Tensor, open: &Tensor) -> Tensor {
    let open = open.unsqueeze(1);
    Tensor::scaled_dot_product_attention(pieces, patches, patches, Some(&open), 0.0, false, None, false)
}
