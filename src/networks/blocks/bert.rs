//! BERT's encoder, which XLM-R is as well: pieces in, one vector a piece out.
//!
//! After Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding" (arXiv
//! 1810.04805), and Conneau et al., "Unsupervised Cross-lingual Representation Learning at Scale" (arXiv 1911.02116),
//! with the parameter names of the published checkpoints. Post-norm, exact GELU, learned positions. The two differ in
//! numbers only, one of which is the row of the position table at which they begin.

use tch::Tensor;
use tch::nn::{self, Module};

use super::preset;

/// The dimensions of an encoder.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) struct BertConfig {
    pub(in crate::networks) vocabulary: i64,
    pub(in crate::networks) hidden: i64,
    pub(in crate::networks) layers: i64,
    pub(in crate::networks) heads: i64,
    pub(in crate::networks) ffn: i64,
    pub(in crate::networks) max_positions: i64,
    /// The row of the position table that the first piece has.
    pub(in crate::networks) first_position: i64,
    /// Rows of the token type table, of which only the first is used; 0: there is no such table.
    pub(in crate::networks) type_vocabulary: i64,
    pub(in crate::networks) layer_norm_eps: f64,
}

impl BertConfig {
    /// Parameters of an encoder without pooling.
    pub(in crate::networks) fn parameters(&self) -> i64 {
        self.embedding_parameters()
            + self.layers * (self.attention_parameters(self.hidden) + self.feed_forward_parameters())
    }

    /// Parameters of the tables and their norm.
    pub(in crate::networks) fn embedding_parameters(&self) -> i64 {
        (self.vocabulary + self.max_positions + self.type_vocabulary + 2) * self.hidden
    }

    /// Parameters of an attention to vectors of that width: four projections and a norm.
    pub(in crate::networks) fn attention_parameters(&self, width: i64) -> i64 {
        2 * preset::linear(self.hidden, self.hidden)
            + 2 * preset::linear(width, self.hidden)
            + 2 * self.hidden
    }

    /// Parameters of a feed-forward layer and its norm.
    pub(in crate::networks) fn feed_forward_parameters(&self) -> i64 {
        preset::linear(self.hidden, self.ffn) + preset::linear(self.ffn, self.hidden) + 2 * self.hidden
    }
}

/// The encoder without pooling.
#[derive(Debug)]
pub(in crate::networks) struct Bert {
    embeddings: Embeddings,
    layers: Vec<(Attention, FeedForward)>,
}

impl Bert {
    /// Registers the parameters under `vs` by their published names, with fresh values.
    pub(in crate::networks) fn new(vs: &nn::Path, config: &BertConfig) -> Self {
        let layer = |index: i64| {
            let layer = vs / "encoder" / "layer" / index;
            let attention = Attention::new(&(&layer / "attention"), config, config.hidden);
            (attention, FeedForward::new(&layer, config))
        };
        Self {
            embeddings: Embeddings::new(&(vs / "embeddings"), config),
            layers: (0..config.layers).map(layer).collect(),
        }
    }

    /// One vector a piece, `[1, L, hidden]`, of one row whose pieces attend to those that `open`, `[1, 1, L, L]` of `Bool`,
    /// has true, and stand at the rows `places`, `[1, L]` of `Int64`, of the position table.
    pub(in crate::networks) fn forward_placed(
        &self,
        pieces: &Tensor,
        places: &Tensor,
        open: &Tensor,
    ) -> Tensor {
        let mut hidden = self.embeddings.forward_placed(pieces, places);
        for (attention, feed_forward) in &self.layers {
            let own = attention.memory(&hidden);
            hidden = attention.forward(&hidden, &own, Some(open), 0.0);
            hidden = feed_forward.forward(&hidden, 0.0);
        }
        hidden
    }

    /// One vector a piece, `[B, L, hidden]`.
    ///
    /// `pieces` is `[B, L]` of `Int64`; `mask` is `[B, L]` of `Bool`, true where there is a piece: those of a row come
    /// first. What stands where the mask is false changes nothing where it is true. `dropout` is 0 outside training.
    pub(in crate::networks) fn forward(&self, pieces: &Tensor, mask: &Tensor, dropout: f64) -> Tensor {
        let mut hidden = drop(&self.embeddings.forward(pieces), dropout);
        let open = open_to_all(mask);
        for (attention, feed_forward) in &self.layers {
            let own = attention.memory(&hidden);
            hidden = attention.forward(&hidden, &own, Some(&open), dropout);
            hidden = feed_forward.forward(&hidden, dropout);
        }
        hidden
    }
}

/// `[B, L]` as `[B, 1, 1, L]`: the same keys are open to every head and every query.
pub(in crate::networks) fn open_to_all(mask: &Tensor) -> Tensor {
    mask.unsqueeze(1).unsqueeze(1)
}

/// What a piece is before it has seen others: the sum of what it says, where it stands and of which text it is.
#[derive(Debug)]
pub(in crate::networks) struct Embeddings {
    words: nn::Embedding,
    positions: nn::Embedding,
    types: Option<nn::Embedding>,
    norm: nn::LayerNorm,
    first_position: i64,
}

impl Embeddings {
    pub(in crate::networks) fn new(vs: &nn::Path, config: &BertConfig) -> Self {
        let table = |name: &str, rows: i64| {
            let ws_init = nn::Init::Randn { mean: 0.0, stdev: 0.02 };
            let settings = nn::EmbeddingConfig { ws_init, ..Default::default() };
            nn::embedding(vs / name, rows, config.hidden, settings)
        };
        let types = config.type_vocabulary;
        Self {
            words: table("word_embeddings", config.vocabulary),
            positions: table("position_embeddings", config.max_positions),
            types: (types > 0).then(|| table("token_type_embeddings", types)),
            norm: layer_norm(&(vs / "LayerNorm"), config),
            first_position: config.first_position,
        }
    }

    /// `[B, L]` to `[B, L, hidden]`.
    pub(in crate::networks) fn forward(&self, pieces: &Tensor) -> Tensor {
        self.with_positions(pieces, &self.positions.ws.narrow(0, self.first_position, pieces.size()[1]))
    }

    /// The same, of pieces that stand at the rows `places`, `[B, L]` of `Int64`.
    fn forward_placed(&self, pieces: &Tensor, places: &Tensor) -> Tensor {
        self.with_positions(pieces, &self.positions.forward(places))
    }

    fn with_positions(&self, pieces: &Tensor, positions: &Tensor) -> Tensor {
        let mut embedded = self.words.forward(pieces) + positions;
        if let Some(types) = &self.types {
            embedded += types.ws.get(0);
        }
        self.norm.forward(&embedded)
    }
}

/// Attention of many heads, added to its input and normalised after.
#[derive(Debug)]
pub(in crate::networks) struct Attention {
    query: nn::Linear,
    key: nn::Linear,
    value: nn::Linear,
    dense: nn::Linear,
    norm: nn::LayerNorm,
    heads: i64,
}

/// Keys and values, each `[B, heads, n, hidden / heads]`.
#[derive(Debug)]
pub(in crate::networks) struct Memory {
    keys: Tensor,
    values: Tensor,
}

impl Memory {
    /// The memories of these rows, one after the other.
    pub(in crate::networks) fn rows(&self, rows: &Tensor) -> Self {
        Self { keys: self.keys.index_select(0, rows), values: self.values.index_select(0, rows) }
    }

    /// Keys and values, for another attention that reads them before its own.
    pub(in crate::networks) fn parts(&self) -> [&Tensor; 2] {
        [&self.keys, &self.values]
    }
}

impl Attention {
    /// Attention to vectors of that width.
    pub(in crate::networks) fn new(vs: &nn::Path, config: &BertConfig, width: i64) -> Self {
        let hidden = config.hidden;
        Self {
            query: linear(vs / "self" / "query", hidden, hidden),
            key: linear(vs / "self" / "key", width, hidden),
            value: linear(vs / "self" / "value", width, hidden),
            dense: linear(vs / "output" / "dense", hidden, hidden),
            norm: layer_norm(&(vs / "output" / "LayerNorm"), config),
            heads: config.heads,
        }
    }

    /// What can be attended to in `[B, n, width]`.
    pub(in crate::networks) fn memory(&self, states: &Tensor) -> Memory {
        Memory {
            keys: self.split(&self.key.forward(states)),
            values: self.split(&self.value.forward(states)),
        }
    }

    /// `[B, L, hidden]` to the same; `open` broadcasts to `[B, heads, L, n]`, all of the memory where there is none.
    pub(in crate::networks) fn forward(
        &self,
        hidden: &Tensor,
        memory: &Memory,
        open: Option<&Tensor>,
        dropout: f64,
    ) -> Tensor {
        self.forward_asking(hidden, hidden, memory, open, dropout)
    }

    /// As [`Self::forward`], with queries made of `asking` `[B, L, hidden]`, which is not added to the output.
    pub(in crate::networks) fn forward_asking(
        &self,
        asking: &Tensor,
        hidden: &Tensor,
        memory: &Memory,
        open: Option<&Tensor>,
        dropout: f64,
    ) -> Tensor {
        // Dropout on the attention itself is left out: it would take the fused kernel away.
        let attended = Tensor::scaled_dot_product_attention(
            &self.split(&self.query.forward(asking)),
            &memory.keys,
            &memory.values,
            open,
            0.0,
            false,
            None,
            false,
        );
        let attended = attended.transpose(1, 2).flatten(2, 3);
        self.norm.forward(&(drop(&self.dense.forward(&attended), dropout) + hidden))
    }

    /// `[B, n, hidden]` to `[B, heads, n, hidden / heads]`.
    fn split(&self, projected: &Tensor) -> Tensor {
        projected.unflatten(2, [self.heads, -1]).transpose(1, 2)
    }
}

/// Two linear layers around a GELU, added to their input and normalised after.
#[derive(Debug)]
pub(in crate::networks) struct FeedForward {
    intermediate: nn::Linear,
    output: nn::Linear,
    norm: nn::LayerNorm,
}

impl FeedForward {
    pub(in crate::networks) fn new(vs: &nn::Path, config: &BertConfig) -> Self {
        Self {
            intermediate: linear(vs / "intermediate" / "dense", config.hidden, config.ffn),
            output: linear(vs / "output" / "dense", config.ffn, config.hidden),
            norm: layer_norm(&(vs / "output" / "LayerNorm"), config),
        }
    }

    pub(in crate::networks) fn forward(&self, hidden: &Tensor, dropout: f64) -> Tensor {
        self.after(hidden, &self.intermediate.forward(hidden), dropout)
    }

    /// As [`Self::forward`], with `added` `[B, L, ffn]` beside what the first layer makes of `hidden`.
    pub(in crate::networks) fn forward_adding(
        &self,
        hidden: &Tensor,
        added: &Tensor,
        dropout: f64,
    ) -> Tensor {
        self.after(hidden, &(self.intermediate.forward(hidden) + added), dropout)
    }

    fn after(&self, hidden: &Tensor, inner: &Tensor, dropout: f64) -> Tensor {
        let fed = self.output.forward(&inner.gelu("none"));
        self.norm.forward(&(drop(&fed, dropout) + hidden))
    }
}

fn linear(path: nn::Path, from: i64, to: i64) -> nn::Linear {
    nn::linear(path, from, to, Default::default())
}

fn layer_norm(vs: &nn::Path, config: &BertConfig) -> nn::LayerNorm {
    let settings = nn::LayerNormConfig { eps: config.layer_norm_eps, ..Default::default() };
    nn::layer_norm(vs, vec![config.hidden], settings)
}

fn drop(values: &Tensor, probability: f64) -> Tensor {
    values.dropout(probability, probability > 0.0)
}
