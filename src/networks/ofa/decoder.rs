//! Decoder of OFA, over whole answers (training, entailment) or token by token (beams).

use std::cell::RefCell;

use tch::Tensor;
use tch::nn::{self, Module};

use super::attention::{Attention, FeedForward, Memory, layer_norm, table};
use super::config::{OfaConfig, PAD};
use super::encoder::Encoded;
use super::positions::{AbsoluteBias, RelativeTables, shape, text_buckets};

/// The decoder.
#[derive(Debug)]
pub(super) struct Decoder {
    embedding_norm: nn::LayerNorm,
    layers: Vec<Layer>,
    norm: nn::LayerNorm,
    positions: Positions,
}

/// What a decoding token by token has seen: each layer's view of the encoder's states, and of the tokens so far.
#[derive(Debug)]
pub(super) struct Past {
    encoded: Vec<Memory>,
    /// Rows are hypotheses: `[B * hypotheses, heads, tokens, d / heads]`.
    tokens: Vec<Memory>,
    places: Places,
    mask: Option<Tensor>,
}

impl Decoder {
    pub(super) fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        Self {
            embedding_norm: layer_norm(&(vs / "layernorm_embedding"), config.d_model),
            layers: (0..config.decoder_layers)
                .map(|layer| Layer::new(&(vs / "layers" / layer), config))
                .collect(),
            norm: layer_norm(&(vs / "layer_norm"), config.d_model),
            positions: Positions::new(vs, config),
        }
    }

    /// The states after each token of `tokens` `[B, T]`, `[B, T, d]`; no token sees a later one.
    pub(super) fn forward(
        &self,
        encoded: &Encoded,
        tokens: &Tensor,
        embedding: &Tensor,
        train: bool,
    ) -> Tensor {
        let (length, source) = (tokens.size()[1], encoded.states.size()[1]);
        let places = self.positions.of(length, &encoded.positions, train);
        let cross = places.cross.narrow(2, 0, length).narrow(3, 0, source);
        let cross = masked(cross, encoded.mask.as_ref());
        let mut states = self.embed(tokens, embedding);
        for (layer, own) in self.layers.iter().zip(&places.own) {
            let own = own.narrow(2, 0, length).narrow(3, 0, length);
            let normed = states.apply(&layer.attention_norm);
            let attended = layer.attention.attend(&normed, &layer.attention.memory(&normed), &own);
            states = &states + attended.apply(&layer.attended_norm);
            states = layer.rest(states, &layer.cross.memory(&encoded.states), &cross);
        }
        self.norm.forward(&states)
    }

    /// Begins a decoding of `steps` tokens.
    pub(super) fn begin(&self, encoded: &Encoded, steps: i64) -> Past {
        Past {
            encoded: self.layers.iter().map(|layer| layer.cross.memory(&encoded.states)).collect(),
            tokens: Vec::new(),
            places: self.positions.of(steps, &encoded.positions, false),
            mask: encoded.mask.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// The states after one more token for each hypothesis, `[B, hypotheses, d]` for `tokens` `[B, hypotheses]`.
    ///
    /// Hypotheses are queries side by side over one memory of the encoder's states: that is never copied for them.
    pub(super) fn step(&self, past: &mut Past, tokens: &Tensor, embedding: &Tensor) -> Tensor {
        let mut states = self.embed(tokens, embedding);
        let (batch, hypotheses, width) = shape(&states);
        let step = past.tokens.first().map_or(0, |memory| memory.keys.size()[2]);
        let source = past.encoded.first().map_or(0, |memory| memory.keys.size()[2]);
        let cross = past.places.cross.narrow(2, step, 1).narrow(3, 0, source);
        let cross = masked(cross, past.mask.as_ref());
        for (index, layer) in self.layers.iter().enumerate() {
            let own = past.places.own[index].narrow(2, step, 1).narrow(3, 0, step + 1);
            let rows = states.view([batch * hypotheses, 1, width]);
            let normed = rows.apply(&layer.attention_norm);
            let new = layer.attention.memory(&normed);
            let memory = match past.tokens.get(index) {
                Some(old) => Memory {
                    keys: Tensor::cat(&[&old.keys, &new.keys], 2),
                    values: Tensor::cat(&[&old.values, &new.values], 2),
                },
                None => new,
            };
            let attended = layer.attention.attend(&normed, &memory, &own);
            states = &states + attended.apply(&layer.attended_norm).view([batch, hypotheses, width]);
            states = layer.rest(states, &past.encoded[index], &cross);
            match past.tokens.get_mut(index) {
                Some(old) => *old = memory,
                None => past.tokens.push(memory),
            }
        }
        self.norm.forward(&states)
    }

    /// Remembers biases from now on.
    pub(super) fn freeze(&mut self) {
        self.positions.remembered = Some(RefCell::new(None));
    }

    fn embed(&self, tokens: &Tensor, embedding: &Tensor) -> Tensor {
        Tensor::embedding(embedding, tokens, PAD, false, false).apply(&self.embedding_norm)
    }
}

impl Past {
    /// Follows the beam: hypothesis `i` goes on from what was hypothesis `parents[i]`, counted over the whole batch.
    pub(super) fn follow(&mut self, parents: &Tensor) {
        for memory in &mut self.tokens {
            memory.keys = memory.keys.index_select(0, parents);
            memory.values = memory.values.index_select(0, parents);
        }
    }
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    attention_norm: nn::LayerNorm,
    attended_norm: nn::LayerNorm,
    cross: Attention,
    cross_norm: nn::LayerNorm,
    crossed_norm: nn::LayerNorm,
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
            cross: Attention::new(&(vs / "cross_attn"), config),
            cross_norm: norm("cross_attn_layer_norm"),
            crossed_norm: norm("cross_attn_mid_layer_norm"),
            feed_forward: FeedForward::new(vs, config),
            feed_forward_norm: norm("final_layer_norm"),
        }
    }

    /// What follows attention to the own tokens: attention to the encoder's states, and the feed-forward layer.
    fn rest(&self, states: Tensor, encoded: &Memory, bias: &Tensor) -> Tensor {
        let crossed = self.cross.attend(&states.apply(&self.cross_norm), encoded, bias);
        let states = states + crossed.apply(&self.crossed_norm);
        &states + states.apply(&self.feed_forward_norm).apply(&self.feed_forward)
    }
}

/// Everything in the decoder that knows where a token stands.
#[derive(Debug)]
struct Positions {
    vectors: Tensor,
    norm: nn::LayerNorm,
    own: AbsoluteBias,
    cross: AbsoluteBias,
    tables: RelativeTables,
    layers: usize,
    longest: i64,
    /// Once frozen, what was computed for the longest answer and source so far.
    remembered: Option<RefCell<Option<Places>>>,
}

/// The biases of some length of answer over some length of source.
#[derive(Debug)]
struct Places {
    length: i64,
    source: i64,
    /// A layer each, `[1, heads, length, length]`, minus infinity towards later tokens.
    own: Vec<Tensor>,
    /// `[1, heads, length, source]`, the same in all layers.
    cross: Tensor,
}

impl Positions {
    fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        let distances = text_buckets(config.token_bucket, config.max_positions, vs.device());
        let rows = (2 * config.token_bucket - 1, config.heads, config.decoder_layers);
        Self {
            vectors: table(&(vs / "embed_positions"), config.max_positions + 2, config.d_model),
            norm: layer_norm(&(vs / "pos_ln"), config.d_model),
            own: AbsoluteBias::new(vs, "self_pos", config),
            cross: AbsoluteBias::new(vs, "cross_pos", config),
            tables: RelativeTables::new(&(vs / "token_rel_pos_table_list"), distances, rows),
            layers: config.decoder_layers as usize,
            longest: config.max_positions,
            remembered: None,
        }
    }

    /// The biases for at least `length` tokens over all of `source`, `[1, n, d]`.
    fn of(&self, length: i64, source: &Tensor, train: bool) -> Places {
        let Some(remembered) = self.remembered.as_ref().filter(|_| !train) else {
            return self.compute(length, source);
        };
        let mut remembered = remembered.borrow_mut();
        match remembered.as_ref() {
            Some(places) if places.length >= length && places.source >= source.size()[1] => places.share(),
            _ => {
                let length = ((length + 15) / 16 * 16).clamp(length, self.longest.max(length));
                let places = self.compute(length, source);
                let shared = places.share();
                *remembered = Some(places);
                shared
            }
        }
    }

    fn compute(&self, length: i64, source: &Tensor) -> Places {
        let vectors = self.vectors.narrow(0, 0, length).apply(&self.norm).unsqueeze(0);
        let absolute = self.own.between(&vectors, &vectors);
        let options = (vectors.kind(), vectors.device());
        let later = Tensor::full([length, length], f64::NEG_INFINITY, options).triu(1);
        let own =
            (0..self.layers).map(|layer| (&absolute + self.tables.bias(layer, length) + &later).contiguous());
        Places {
            length,
            source: source.size()[1],
            own: own.collect(),
            cross: self.cross.between(&vectors, source).contiguous(),
        }
    }
}

impl Places {
    fn share(&self) -> Self {
        Self {
            length: self.length,
            source: self.source,
            own: self.own.iter().map(Tensor::shallow_clone).collect(),
            cross: self.cross.shallow_clone(),
        }
    }
}

fn masked(bias: Tensor, mask: Option<&Tensor>) -> Tensor {
    match mask {
        Some(mask) => bias + mask,
        None => bias,
    }
}
