//! Picture encoder of MQSPN: CLIP's vision transformer, whose attention can read the text's keys and values first.
//!
//! Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (arXiv 2103.00020), with the
//! parameter names of `transformers`: norms first, and a sigmoid in place of GELU's normal distribution.

use tch::nn::{self, Init, Module};
use tch::{Kind, Tensor};

use super::MqspnConfig;
use crate::networks::blocks::bert::Memory;

/// Added to the variance in CLIP's norms.
const EPSILON: f64 = 1e-5;
/// The slope of the sigmoid by which CLIP approximates GELU.
const SLOPE: f64 = 1.702;

/// Patches with their places, before the first layer.
#[derive(Debug)]
pub(super) struct Patches {
    class: Tensor,
    patch: nn::Conv2D,
    positions: Tensor,
    norm: nn::LayerNorm,
}

impl Patches {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let (width, side) = (config.hidden, config.patch_size);
        let init = Init::Randn { mean: 0.0, stdev: 0.02 };
        let embeddings = vs / "embeddings";
        let patches = nn::ConvConfig { stride: side, bias: false, ..Default::default() };
        Self {
            class: embeddings.var("class_embedding", &[width], init),
            patch: nn::conv2d(&embeddings / "patch_embedding", 3, width, side, patches),
            positions: (&embeddings / "position_embedding").var(
                "weight",
                &[1 + config.patches(), width],
                init,
            ),
            // CLIP's own spelling.
            norm: layer_norm(&(vs / "pre_layrnorm"), width),
        }
    }

    /// `[B, 3, S, S]` to `[B, 1 + patches, d]`, of which the first stands for the whole picture.
    pub(super) fn forward(&self, pixels: &Tensor) -> Tensor {
        let patches = pixels.to_kind(self.positions.kind()).apply(&self.patch).flatten(2, 3).transpose(1, 2);
        let class = self.class.expand([patches.size()[0], 1, -1], false);
        let all = Tensor::cat(&[class, patches], 1) + &self.positions;
        self.norm.forward(&all)
    }
}

/// One layer: attention, then a feed-forward, each normalised before and added to its input.
#[derive(Debug)]
pub(super) struct PictureLayer {
    norm1: nn::LayerNorm,
    query: nn::Linear,
    key: nn::Linear,
    value: nn::Linear,
    out: nn::Linear,
    norm2: nn::LayerNorm,
    fc1: nn::Linear,
    fc2: nn::Linear,
    heads: i64,
}

impl PictureLayer {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let (width, inner) = (config.hidden, config.vision_ffn);
        let linear = |path: nn::Path, from: i64, to: i64| nn::linear(path, from, to, Default::default());
        let (attention, mlp) = (vs / "self_attn", vs / "mlp");
        Self {
            norm1: layer_norm(&(vs / "layer_norm1"), width),
            query: linear(&attention / "q_proj", width, width),
            key: linear(&attention / "k_proj", width, width),
            value: linear(&attention / "v_proj", width, width),
            out: linear(&attention / "out_proj", width, width),
            norm2: layer_norm(&(vs / "layer_norm2"), width),
            fc1: linear(&mlp / "fc1", width, inner),
            fc2: linear(&mlp / "fc2", inner, width),
            heads: config.heads,
        }
    }

    /// `[B, n, d]` to the same. With `prefix`, the keys and values of `L` pieces or words stand before the `n` own ones.
    /// `open` broadcasts to `[B, heads, n, n]`, or to `[B, heads, n, L + n]` with a prefix.
    pub(super) fn forward(&self, states: &Tensor, prefix: Option<&Memory>, open: Option<&Tensor>) -> Tensor {
        let seen = states + self.attend(&self.norm1.forward(states), prefix, open);
        let inner = self.fc1.forward(&self.norm2.forward(&seen));
        let fed = self.fc2.forward(&(&inner * (&inner * SLOPE).sigmoid()));
        seen + fed
    }

    fn attend(&self, states: &Tensor, prefix: Option<&Memory>, open: Option<&Tensor>) -> Tensor {
        let split =
            |linear: &nn::Linear| linear.forward(states).unflatten(2, [self.heads, -1]).transpose(1, 2);
        let (queries, mut keys, mut values) = (split(&self.query), split(&self.key), split(&self.value));
        if let Some([text_keys, text_values]) = prefix.map(Memory::parts) {
            keys = Tensor::cat(&[text_keys, &keys], 2);
            values = Tensor::cat(&[text_values, &values], 2);
        }
        let attended =
            Tensor::scaled_dot_product_attention(&queries, &keys, &values, open, 0.0, false, None, false);
        self.out.forward(&attended.transpose(1, 2).flatten(2, 3))
    }
}

fn layer_norm(vs: &nn::Path, width: i64) -> nn::LayerNorm {
    nn::layer_norm(vs, vec![width], nn::LayerNormConfig { eps: EPSILON, ..Default::default() })
}

/// Which patches are open: all of those of a picture that is there, and of no picture the first alone, which then says
/// that there is none. `shown` is `[B]` of `Bool`; the answer `[B, 1 + patches]` of `Bool`.
pub(super) fn open_patches(shown: &Tensor, patches: i64) -> Tensor {
    let rows = shown.size()[0];
    let class = Tensor::ones([rows, 1], (Kind::Bool, shown.device()));
    Tensor::cat(&[class, shown.unsqueeze(1).expand([-1, patches], false)], 1)
}
