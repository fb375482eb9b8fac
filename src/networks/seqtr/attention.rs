//! The parts that encoder and decoder share: attention of many heads, and the feed-forward layer, norms after both.
//!
//! Names are those of `torch.nn.MultiheadAttention` and `torch.nn.TransformerEncoderLayer`.

use tch::Tensor;
use tch::nn::{self, Module};

use super::config::SeqTrConfig;
use crate::networks::blocks::layers::linear;

/// Attention of many heads.
#[derive(Debug)]
pub(super) struct Attention {
    weight: Tensor,
    bias: Tensor,
    out: nn::Linear,
    width: i64,
    heads: i64,
}

/// Which of the three projections.
#[derive(Debug, Clone, Copy)]
enum Projection {
    Queries = 0,
    Keys = 1,
    Values = 2,
}

/// Keys and values, each `[B, heads, n, d / heads]`.
#[derive(Debug)]
pub(super) struct Memory {
    keys: Tensor,
    values: Tensor,
}

impl Memory {
    /// Both memories, `other`'s after these.
    pub(super) fn and(&self, other: &Memory) -> Memory {
        Memory {
            keys: Tensor::cat(&[&self.keys, &other.keys], 2),
            values: Tensor::cat(&[&self.values, &other.values], 2),
        }
    }
}

impl Attention {
    pub(super) fn new(vs: &nn::Path, config: &SeqTrConfig) -> Self {
        let width = config.d_model;
        let bound = (6.0 / (4 * width) as f64).sqrt();
        Self {
            weight: vs.var(
                "in_proj_weight",
                &[3 * width, width],
                nn::Init::Uniform { lo: -bound, up: bound },
            ),
            bias: vs.var("in_proj_bias", &[3 * width], nn::Init::Const(0.0)),
            out: linear(&(vs / "out_proj"), width, width),
            width,
            heads: config.heads,
        }
    }

    /// What can be attended to: states `[B, n, d]`, found by their `places`, the same states with their positions.
    pub(super) fn memory(&self, states: &Tensor, places: &Tensor) -> Memory {
        Memory {
            keys: self.project(places, Projection::Keys),
            values: self.project(states, Projection::Values),
        }
    }

    /// `[B, n, d]`, with their positions, attending to a memory of m; to those alone where `seen`, broadcast to
    /// `[B, heads, n, m]`, is true.
    pub(super) fn attend(&self, places: &Tensor, memory: &Memory, seen: Option<&Tensor>) -> Tensor {
        let queries = self.project(places, Projection::Queries);
        let attended = Tensor::scaled_dot_product_attention(
            &queries,
            &memory.keys,
            &memory.values,
            seen,
            0.0,
            false,
            None,
            false,
        );
        self.out.forward(&attended.transpose(1, 2).flatten(2, 3))
    }

    fn project(&self, states: &Tensor, projection: Projection) -> Tensor {
        let start = projection as i64 * self.width;
        let weight = self.weight.narrow(0, start, self.width);
        let bias = self.bias.narrow(0, start, self.width);
        let (batch, length) = (states.size()[0], states.size()[1]);
        states.linear(&weight, Some(&bias)).view([batch, length, self.heads, -1]).transpose(1, 2)
    }
}

/// Two linear layers around a rectifier.
#[derive(Debug)]
pub(super) struct FeedForward {
    widen: nn::Linear,
    narrow: nn::Linear,
}

impl FeedForward {
    /// The two lie beside the layer's other parts.
    pub(super) fn new(layer: &nn::Path, config: &SeqTrConfig) -> Self {
        Self {
            widen: linear(&(layer / "linear1"), config.d_model, config.ffn),
            narrow: linear(&(layer / "linear2"), config.ffn, config.d_model),
        }
    }
}

impl Module for FeedForward {
    fn forward(&self, states: &Tensor) -> Tensor {
        states.apply(&self.widen).relu().apply(&self.narrow)
    }
}

/// A layer norm over the last dimension.
pub(super) fn layer_norm(vs: &nn::Path, config: &SeqTrConfig) -> nn::LayerNorm {
    nn::layer_norm(vs, vec![config.d_model], Default::default())
}
