//! The parts that encoder and decoder share: attention with a bias and scaled heads, and the feed-forward layer.

use tch::Tensor;
use tch::nn::{self, Module};

use super::config::OfaConfig;
use super::positions::{head_scale, shape};
use crate::networks::blocks::layers::linear;

/// Attention of many heads, each of which has a gain of its own.
#[derive(Debug)]
pub(super) struct Attention {
    queries: nn::Linear,
    keys: nn::Linear,
    values: nn::Linear,
    out: nn::Linear,
    gains: Tensor,
    heads: i64,
    scale: f64,
}

/// Keys and values, each `[B, heads, n, d / heads]`.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) keys: Tensor,
    pub(super) values: Tensor,
}

impl Attention {
    pub(super) fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        let project = |name: &str| linear(&(vs / name), config.d_model, config.d_model);
        Self {
            queries: project("q_proj"),
            keys: project("k_proj"),
            values: project("v_proj"),
            out: project("out_proj"),
            gains: vs.var("c_attn", &[config.heads], nn::Init::Const(1.0)),
            heads: config.heads,
            scale: head_scale(config),
        }
    }

    /// What can be attended to in `[B, n, d]`.
    pub(super) fn memory(&self, states: &Tensor) -> Memory {
        Memory {
            keys: self.split(&self.keys.forward(states)),
            values: self.split(&self.values.forward(states)),
        }
    }

    /// `[B, n, d]` attending to a memory of `m`, under a bias that broadcasts to `[B, heads, n, m]`.
    pub(super) fn attend(&self, states: &Tensor, memory: &Memory, bias: &Tensor) -> Tensor {
        let (batch, length, width) = shape(states);
        let queries = self.split(&self.queries.forward(states));
        let attended = Tensor::scaled_dot_product_attention(
            &queries,
            &memory.keys,
            &memory.values,
            Some(bias),
            0.0,
            false,
            self.scale,
            false,
        );
        let gained = attended.transpose(1, 2) * self.gains.view([1, 1, self.heads, 1]);
        self.out.forward(&gained.reshape([batch, length, width]))
    }

    fn split(&self, projected: &Tensor) -> Tensor {
        let (batch, length, _) = shape(projected);
        projected.view([batch, length, self.heads, -1]).transpose(1, 2)
    }
}

/// Two linear layers around a GELU, with a norm before the second.
#[derive(Debug)]
pub(super) struct FeedForward {
    widen: nn::Linear,
    norm: nn::LayerNorm,
    narrow: nn::Linear,
}

impl FeedForward {
    pub(super) fn new(vs: &nn::Path, config: &OfaConfig) -> Self {
        Self {
            widen: linear(&(vs / "fc1"), config.d_model, config.ffn),
            norm: layer_norm(&(vs / "ffn_layer_norm"), config.ffn),
            narrow: linear(&(vs / "fc2"), config.ffn, config.d_model),
        }
    }
}

impl Module for FeedForward {
    fn forward(&self, states: &Tensor) -> Tensor {
        states.apply(&self.widen).gelu("none").apply(&self.norm).apply(&self.narrow)
    }
}

/// A layer norm over the last dimension.
pub(super) fn layer_norm(vs: &nn::Path, width: i64) -> nn::LayerNorm {
    nn::layer_norm(vs, vec![width], Default::default())
}

/// A table of vectors, `[rows, width]`.
pub(super) fn table(vs: &nn::Path, rows: i64, width: i64) -> Tensor {
    vs.var("weight", &[rows, width], nn::Init::Randn { mean: 0.0, stdev: 1.0 / (width as f64).sqrt() })
}
