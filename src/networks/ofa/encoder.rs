//! Encoder of OFA over picture and prompt. One stream, the picture's tokens first.

use std::cell::RefCell;

use tch::Tensor;
use tch::nn::{self, Module};

use super::attention::{Attention, FeedForward, layer_norm, table};
use super::config::{OfaConfig, PAD};
use super::positions::{
    AbsoluteBias, RelativeTables, image_buckets, image_positions, image_rows, text_buckets,
};
use crate::networks::blocks::layers::linear;

/// Picture and prompt, read.
#[derive(Debug)]
pub struct Encoded {
    /// `[B, image tokens + L, d]`, picture first; meaningless where the prompt is padded.
    pub states: Tensor,
    /// Added to attention to these states, `[B, 1, 1, image tokens + L]`: minus infinity where the prompt is padded.
    /// `None` where nothing is.
    pub mask: Option<Tensor>,
    /// Vectors of the positions, `[1, n, d]`, at least as many as there are states.
    pub positions: Tensor,
}

/// The encoder.
#[derive(Debug)]
pub(super) struct Encoder {
    types: Tensor,
    embedding_norm: nn::LayerNorm,
    image_projection: nn::Linear,
    image_norm: nn::LayerNorm,
    layers: Vec<Layer>,
    norm: nn::LayerNorm,
    positions: Positions,
}

impl Encoder {
    pub(super) fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        let width = config.d_model;
        Self {
            types: table(&(vs / "type_embedding"), 2, width),
            embedding_norm: layer_norm(&(vs / "layernorm_embedding"), width),
            image_projection: linear(&(vs / "image_proj"), config.trunk_channels(), width),
            image_norm: layer_norm(&(vs / "patch_layernorm_embedding"), width),
            layers: (0..config.encoder_layers)
                .map(|layer| Layer::new(&(vs / "layers" / layer), config))
                .collect(),
            norm: layer_norm(&(vs / "layer_norm"), width),
            positions: Positions::new(vs, config),
        }
    }

    /// `trunk` is `[B, image tokens, channels]`, `tokens` `[B, L]` with whether any of them is padding, `embedding` the
    /// vocabulary's table.
    pub(super) fn forward(
        &self,
        trunk: &Tensor,
        (tokens, is_padded): (&Tensor, bool),
        embedding: &Tensor,
        train: bool,
    ) -> Encoded {
        let image = (self.image_projection.forward(trunk) + self.types.get(1)).apply(&self.image_norm);
        let text = Tensor::embedding(embedding, tokens, PAD, false, false) + self.types.get(0);
        let text = text.apply(&self.embedding_norm);

        let padded = tokens.eq(PAD);
        let text = if is_padded { text.masked_fill(&padded.unsqueeze(-1), 0.0) } else { text };
        let mask = is_padded.then(|| {
            let (batch, image_tokens) = (image.size()[0], image.size()[1]);
            let image_mask = Tensor::zeros([batch, image_tokens], (image.kind(), image.device()));
            let text_mask = padded.to_kind(image.kind()).masked_fill(&padded, f64::NEG_INFINITY);
            Tensor::cat(&[image_mask, text_mask], 1).unsqueeze(1).unsqueeze(1)
        });

        let mut states = Tensor::cat(&[image, text], 1);
        let length = states.size()[1];
        let places = self.positions.of(tokens.size()[1], train);
        for (layer, bias) in self.layers.iter().zip(&places.biases) {
            let bias = bias.narrow(2, 0, length).narrow(3, 0, length);
            states = match &mask {
                Some(mask) => layer.forward(&states, &(bias + mask)),
                None => layer.forward(&states, &bias),
            };
        }
        Encoded { states: self.norm.forward(&states), mask, positions: places.vectors }
    }

    /// Remembers biases from now on.
    pub(super) fn freeze(&mut self) {
        self.positions.remembered = Some(RefCell::new(None));
    }
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    attention_norm: nn::LayerNorm,
    attended_norm: nn::LayerNorm,
    feed_forward: FeedForward,
    feed_forward_norm: nn::LayerNorm,
}

impl Layer {
    fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        let norm = |name: &str| layer_norm(&(vs / name), config.d_model);
        Self {
            attention: Attention::new(&(vs / "self_attn"), config),
            attention_norm: norm("self_attn_layer_norm"),
            attended_norm: norm("self_attn_mid_layer_norm"),
            feed_forward: FeedForward::new(vs, config),
            feed_forward_norm: norm("final_layer_norm"),
        }
    }

    fn forward(&self, states: &Tensor, bias: &Tensor) -> Tensor {
        let normed = states.apply(&self.attention_norm);
        let attended = self.attention.attend(&normed, &self.attention.memory(&normed), bias);
        let states = states + attended.apply(&self.attended_norm);
        &states + states.apply(&self.feed_forward_norm).apply(&self.feed_forward)
    }
}

/// Everything in the encoder that knows where a token stands.
#[derive(Debug)]
struct Positions {
    text: Tensor,
    image: Tensor,
    text_norm: nn::LayerNorm,
    image_norm: nn::LayerNorm,
    absolute: AbsoluteBias,
    text_tables: RelativeTables,
    image_tables: RelativeTables,
    image_rows: Tensor,
    layers: usize,
    longest: i64,
    /// Once frozen, what was computed for the longest prompt so far: shorter ones have a part of it.
    remembered: Option<RefCell<Option<Places>>>,
}

/// The positions of the picture and of some length of text.
#[derive(Debug)]
struct Places {
    text: i64,
    /// `[1, n, d]`.
    vectors: Tensor,
    /// A layer each, `[1, heads, n, n]`.
    biases: Vec<Tensor>,
}

impl Positions {
    fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        let (width, bucket, grid) = (config.d_model, config.image_bucket, config.grid());
        let (heads, layers) = (config.heads, config.encoder_layers);
        let text_distances = text_buckets(config.token_bucket, config.max_positions, vs.device());
        let image_distances = image_buckets(bucket, grid, vs.device());
        let text_tables = (2 * config.token_bucket - 1, heads, layers);
        let image_tables = (image_rows(bucket), heads, layers);
        Self {
            text: table(&(vs / "embed_positions"), config.max_positions + 2, width),
            image: table(&(vs / "embed_image_positions"), bucket * bucket + 1, width),
            text_norm: layer_norm(&(vs / "pos_ln"), width),
            image_norm: layer_norm(&(vs / "image_pos_ln"), width),
            absolute: AbsoluteBias::new(vs, "pos", config),
            text_tables: RelativeTables::new(&(vs / "token_rel_pos_table_list"), text_distances, text_tables),
            image_tables: RelativeTables::new(
                &(vs / "image_rel_pos_table_list"),
                image_distances,
                image_tables,
            ),
            image_rows: image_positions(bucket, grid, vs.device()),
            layers: layers as usize,
            longest: config.max_positions,
            remembered: None,
        }
    }

    /// The positions for at least `text` tokens of text.
    fn of(&self, text: i64, train: bool) -> Places {
        let Some(remembered) = self.remembered.as_ref().filter(|_| !train) else { return self.compute(text) };
        let mut remembered = remembered.borrow_mut();
        match remembered.as_ref() {
            Some(places) if places.text >= text => places.share(),
            _ => {
                // In steps of 16, so that prompts that grow by a token each do not compute it anew each time.
                let places = self.compute(((text + 15) / 16 * 16).clamp(text, self.longest.max(text)));
                let shared = places.share();
                *remembered = Some(places);
                shared
            }
        }
    }

    fn compute(&self, text: i64) -> Places {
        let image_vectors = self.image.index_select(0, &self.image_rows).apply(&self.image_norm);
        let text_vectors = self.text.narrow(0, 0, text).apply(&self.text_norm);
        let vectors = Tensor::cat(&[image_vectors, text_vectors], 0).unsqueeze(0);
        let absolute = self.absolute.between(&vectors, &vectors);
        let cells = self.image_rows.size()[0];
        // No relative bias between picture and text: the two blocks off the diagonal stay as they are.
        let relative = |layer: usize| {
            let image = self.image_tables.bias(layer, cells).constant_pad_nd([0, text, 0, text]);
            let text = self.text_tables.bias(layer, text).constant_pad_nd([cells, 0, cells, 0]);
            image + text
        };
        let biases = (0..self.layers).map(|layer| (&absolute + relative(layer)).contiguous()).collect();
        Places { text, vectors, biases }
    }
}

impl Places {
    fn share(&self) -> Self {
        Self {
            text: self.text,
            vectors: self.vectors.shallow_clone(),
            biases: self.biases.iter().map(Tensor::shallow_clone).collect(),
        }
    }
}
