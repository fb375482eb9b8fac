//! DeBERTa's encoder, of its second and third version: pieces in, one vector a piece out.
//!
//! After He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled Attention" (arXiv 2006.03654) and "DeBERTaV3"
//! (arXiv 2111.09543), with the parameter names of the published checkpoints. Positions are not added to pieces: attention
//! adds to what a piece says to another what it says to the distance between them, and what the distance says to the other.
//! Distances have a vector each up to half of the span and share vectors beyond it, in logarithmic steps. Projections of
//! distances are those of pieces, as in all published checkpoints.

use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

use super::bert::{BertConfig, FeedForward};

/// The dimensions of an encoder.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) struct DebertaConfig {
    /// Vocabulary, widths, layers and heads. `max_positions` is the longest input, for which distances are defined; there
    /// is no table of positions.
    pub(in crate::networks) bert: BertConfig,
    /// Distances to either side that have a vector.
    pub(in crate::networks) span: i64,
    /// Width of the convolution beside the first layer, which only the largest networks of version 2 have; 0: there is none.
    pub(in crate::networks) convolution: i64,
}

impl DebertaConfig {
    /// Parameters of an encoder.
    pub(in crate::networks) fn parameters(&self) -> i64 {
        let hidden = self.bert.hidden;
        let pieces = (self.bert.vocabulary + self.bert.type_vocabulary + 2) * hidden;
        let distances = (2 * self.span + 2) * hidden;
        let layer = self.bert.attention_parameters(hidden) + self.bert.feed_forward_parameters();
        let convolution = match self.convolution {
            0 => 0,
            width => hidden * hidden * width + 3 * hidden,
        };
        pieces + distances + self.bert.layers * layer + convolution
    }
}

/// The encoder.
#[derive(Debug)]
pub(in crate::networks) struct Deberta {
    words: nn::Embedding,
    types: Option<nn::Embedding>,
    norm: nn::LayerNorm,
    /// `[2 * span, hidden]`: a vector for each distance, and the norm of each.
    distances: nn::Embedding,
    distance_norm: nn::LayerNorm,
    layers: Vec<(Attention, FeedForward)>,
    convolution: Option<Convolution>,
    config: DebertaConfig,
    device: Device,
}

/// Distances between the pieces of an input of some length.
struct Distances {
    /// `[2 * furthest + 1, hidden]`: the vectors of the distances that occur, normalised.
    vectors: Tensor,
    /// `[L, L]` of `Int64`: the row of `vectors` for the distance from a key (column) to a query (row).
    rows: Tensor,
}

impl Deberta {
    /// Registers the parameters under `vs` by their published names, with fresh values.
    pub(in crate::networks) fn new(vs: &nn::Path, config: &DebertaConfig) -> Self {
        let (bert, encoder) = (&config.bert, vs / "encoder");
        let table = |path: nn::Path, rows: i64| {
            let ws_init = nn::Init::Randn { mean: 0.0, stdev: 0.02 };
            let settings = nn::EmbeddingConfig { ws_init, ..Default::default() };
            nn::embedding(path, rows, bert.hidden, settings)
        };
        let embeddings = vs / "embeddings";
        let layer = |index: i64| {
            let layer = &encoder / "layer" / index;
            (Attention::new(&(&layer / "attention"), bert), FeedForward::new(&layer, bert))
        };
        Self {
            words: table(&embeddings / "word_embeddings", bert.vocabulary),
            types: (bert.type_vocabulary > 0)
                .then(|| table(&embeddings / "token_type_embeddings", bert.type_vocabulary)),
            norm: layer_norm(&(&embeddings / "LayerNorm"), bert),
            distances: table(&encoder / "rel_embeddings", 2 * config.span),
            distance_norm: layer_norm(&(&encoder / "LayerNorm"), bert),
            layers: (0..bert.layers).map(layer).collect(),
            convolution: (config.convolution > 0)
                .then(|| Convolution::new(&(&encoder / "conv"), bert, config.convolution)),
            config: *config,
            device: vs.device(),
        }
    }

    /// One vector a piece, `[B, L, hidden]`.
    ///
    /// `pieces` is `[B, L]` of `Int64`, `L` at most the longest input; `mask` is `[B, L]` of `Bool`, true where there is a
    /// piece: those of a row come first. What stands where the mask is false changes nothing where it is true.
    pub(in crate::networks) fn forward(&self, pieces: &Tensor, mask: &Tensor) -> Tensor {
        let held = mask.unsqueeze(2);
        let mut embedded = self.words.forward(pieces);
        if let Some(types) = &self.types {
            embedded += types.ws.get(0);
        }
        let embedded = self.norm.forward(&embedded) * held.to_kind(self.words.ws.kind());
        let distances = self.distances(pieces.size()[1]);
        // [B, 1, 1, L]: the same keys are closed to every head and every query.
        let closed = mask.logical_not().unsqueeze(1).unsqueeze(1);
        let mut hidden = embedded.shallow_clone();
        for (index, (attention, feed_forward)) in self.layers.iter().enumerate() {
            hidden = attention.forward(&hidden, &distances, &closed);
            hidden = feed_forward.forward(&hidden, 0.0);
            if let Some(convolution) = self.convolution.as_ref().filter(|_| index == 0) {
                hidden = convolution.forward(&embedded, &hidden, &held);
            }
        }
        hidden
    }

    /// The distances between pieces of an input of this length.
    fn distances(&self, length: i64) -> Distances {
        // On the host, which would otherwise wait for the device to learn the furthest.
        let places = Tensor::arange(length, (Kind::Int64, Device::Cpu));
        let shared = shared_distance(&places, self.config.span, self.config.bert.max_positions);
        let furthest = shared.int64_value(&[length - 1]);
        let [places, shared] = [places, shared].map(|table| table.to_device(self.device));
        let between = places.unsqueeze(1) - places.unsqueeze(0);
        let shared = between.sign() * shared.take(&between.abs());
        // The vector of distance 0 is in the middle of the table.
        let vectors = self.distances.ws.narrow(0, self.config.span - furthest, 2 * furthest + 1);
        Distances { vectors: self.distance_norm.forward(&vectors), rows: shared + furthest }
    }
}

/// The distance whose vector a distance has: `distances` is `[n]` of `Int64`, from 0 to below `longest`.
///
/// The logarithm is one of 32 bits, as in the original, on whose last digit a step may depend.
fn shared_distance(distances: &Tensor, span: i64, longest: i64) -> Tensor {
    let middle = span / 2;
    let far = distances.clamp_min(middle).to_kind(Kind::Float) / middle as f64;
    let furthest = Tensor::from((longest - 1) as f32 / middle as f32).to_device(distances.device());
    let steps = (far.log() / furthest.log() * (middle - 1) as f64).ceil().to_kind(Kind::Int64) + middle;
    steps.where_self(&distances.gt(middle), distances)
}

/// Attention to pieces and to their distances, added to its input and normalised after.
#[derive(Debug)]
struct Attention {
    query: nn::Linear,
    key: nn::Linear,
    value: nn::Linear,
    dense: nn::Linear,
    norm: nn::LayerNorm,
    heads: i64,
}

/// Products of which an attention score is the sum: piece to piece, piece to distance, distance to piece.
const PRODUCTS: f64 = 3.0;

impl Attention {
    fn new(vs: &nn::Path, config: &BertConfig) -> Self {
        let hidden = config.hidden;
        let linear = |path: nn::Path| nn::linear(path, hidden, hidden, Default::default());
        Self {
            query: linear(vs / "self" / "query_proj"),
            key: linear(vs / "self" / "key_proj"),
            value: linear(vs / "self" / "value_proj"),
            dense: linear(vs / "output" / "dense"),
            norm: layer_norm(&(vs / "output" / "LayerNorm"), config),
            heads: config.heads,
        }
    }

    /// `[B, L, hidden]` to the same; `closed` broadcasts to `[B, heads, L, L]`, true for keys that are not looked at.
    fn forward(&self, hidden: &Tensor, distances: &Distances, closed: &Tensor) -> Tensor {
        let [queries, keys, values] =
            [&self.query, &self.key, &self.value].map(|linear| self.split(&linear.forward(hidden)));
        // [heads, distances, hidden / heads]
        let [distant_queries, distant_keys] = [&self.query, &self.key]
            .map(|linear| self.split(&linear.forward(&distances.vectors.unsqueeze(0))));
        let size = queries.size();
        let scale = 1.0 / (PRODUCTS * size[3] as f64).sqrt();
        let rows = distances.rows.expand([size[0], size[1], size[2], size[2]], false);
        // What a query says to the distance of each key, and what that distance, seen from the key, says to it.
        let to_distance = queries.matmul(&distant_keys.transpose(2, 3)).gather(3, &rows, false);
        let from_distance = keys.matmul(&distant_queries.transpose(2, 3)).gather(3, &opposite(&rows), false);
        let bias = (to_distance + from_distance.transpose(2, 3)) * scale;
        let bias = bias.masked_fill(closed, f64::NEG_INFINITY);
        let attended = Tensor::scaled_dot_product_attention(
            &queries,
            &keys,
            &values,
            Some(&bias),
            0.0,
            false,
            scale,
            false,
        );
        let attended = attended.transpose(1, 2).flatten(2, 3);
        self.norm.forward(&(self.dense.forward(&attended) + hidden))
    }

    /// `[B, n, hidden]` to `[B, heads, n, hidden / heads]`.
    fn split(&self, projected: &Tensor) -> Tensor {
        projected.unflatten(2, [self.heads, -1]).transpose(1, 2)
    }
}

/// The rows for distances in the other direction: row `key`, column `query`.
fn opposite(rows: &Tensor) -> Tensor {
    rows.transpose(2, 3)
}

/// A convolution over the pieces themselves, added to what the first layer makes of them.
#[derive(Debug)]
struct Convolution {
    convolution: nn::Conv1D,
    norm: nn::LayerNorm,
}

impl Convolution {
    fn new(vs: &nn::Path, config: &BertConfig, width: i64) -> Self {
        let settings = nn::ConvConfig { padding: (width - 1) / 2, ..Default::default() };
        Self {
            convolution: nn::conv1d(vs / "conv", config.hidden, config.hidden, width, settings),
            norm: layer_norm(&(vs / "LayerNorm"), config),
        }
    }

    /// `embedded` and `hidden` are `[B, L, hidden]`; `held` is `[B, L, 1]`, true where there is a piece.
    fn forward(&self, embedded: &Tensor, hidden: &Tensor, held: &Tensor) -> Tensor {
        let held = held.to_kind(hidden.kind());
        let convolved = self.convolution.forward(&embedded.transpose(1, 2)).transpose(1, 2) * &held;
        self.norm.forward(&(hidden + convolved.gelu("none"))) * held
    }
}

fn layer_norm(vs: &nn::Path, config: &BertConfig) -> nn::LayerNorm {
    let settings = nn::LayerNormConfig { eps: config.layer_norm_eps, ..Default::default() };
    nn::layer_norm(vs, vec![config.hidden], settings)
}
