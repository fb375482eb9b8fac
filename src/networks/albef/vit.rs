//! Vision encoder of ALBEF: a plain vision transformer that runs once per picture.
//!
//! Dosovitskiy et al., "An Image is Worth 16x16 Words" (arXiv 2010.11929), norms first, exact GELU, with the parameter
//! names of timm.

use tch::Tensor;
use tch::nn::{self, Init};

use super::AlbefConfig;

/// Added to the variance in every layer norm.
const EPSILON: f64 = 1e-6;

/// The encoder, under `visual_encoder`.
#[derive(Debug)]
pub(super) struct VisionTransformer {
    patch_embed: nn::Conv2D,
    cls_token: Tensor,
    pos_embed: Tensor,
    blocks: Vec<Block>,
    norm: nn::LayerNorm,
}

impl VisionTransformer {
    pub(super) fn new(vs: &nn::Path, config: &AlbefConfig) -> Self {
        let (width, side) = (config.vision_hidden, config.patch_size);
        let patches = nn::ConvConfig { stride: side, ..Default::default() };
        let init = Init::Randn { mean: 0.0, stdev: 0.02 };
        Self {
            patch_embed: nn::conv2d(vs / "patch_embed" / "proj", 3, width, side, patches),
            cls_token: vs.var("cls_token", &[1, 1, width], init),
            pos_embed: vs.var("pos_embed", &[1, config.image_tokens(), width], init),
            blocks: (0..config.vision_layers)
                .map(|index| Block::new(&(vs / "blocks" / index), config))
                .collect(),
            norm: layer_norm(&(vs / "norm"), width),
        }
    }

    /// `[B, 3, S, S]` to `[B, 1 + patches, width]`, of which the first stands for all.
    pub(super) fn forward(&self, pixels: &Tensor) -> Tensor {
        let patches = pixels.to_kind(self.pos_embed.kind()).apply(&self.patch_embed);
        let patches = patches.flatten(2, 3).transpose(1, 2);
        let all = self.cls_token.expand([patches.size()[0], -1, -1], false);
        let mut features = Tensor::cat(&[all, patches], 1) + &self.pos_embed;
        for block in &self.blocks {
            features = block.forward(&features);
        }
        features.apply(&self.norm)
    }
}

/// One layer: attention, then a feed-forward, each normalised before and added to its input.
#[derive(Debug)]
struct Block {
    norm1: nn::LayerNorm,
    qkv: nn::Linear,
    proj: nn::Linear,
    norm2: nn::LayerNorm,
    fc1: nn::Linear,
    fc2: nn::Linear,
    heads: i64,
}

impl Block {
    fn new(vs: &nn::Path, config: &AlbefConfig) -> Self {
        let (width, inner) = (config.vision_hidden, config.vision_ffn);
        let linear = |path: nn::Path, from: i64, to: i64| nn::linear(path, from, to, Default::default());
        Self {
            norm1: layer_norm(&(vs / "norm1"), width),
            qkv: linear(vs / "attn" / "qkv", width, 3 * width),
            proj: linear(vs / "attn" / "proj", width, width),
            norm2: layer_norm(&(vs / "norm2"), width),
            fc1: linear(vs / "mlp" / "fc1", width, inner),
            fc2: linear(vs / "mlp" / "fc2", inner, width),
            heads: config.vision_heads,
        }
    }

    fn forward(&self, features: &Tensor) -> Tensor {
        let features = features + self.attend(&features.apply(&self.norm1));
        let fed = features.apply(&self.norm2).apply(&self.fc1).gelu("none").apply(&self.fc2);
        features + fed
    }

    fn attend(&self, features: &Tensor) -> Tensor {
        // [B, n, 3 * width] to three of [B, heads, n, width / heads].
        let qkv =
            features.apply(&self.qkv).unflatten(2, [3, self.heads, -1]).permute([2, 0, 3, 1, 4]).unbind(0);
        let open: Option<&Tensor> = None;
        let attended =
            Tensor::scaled_dot_product_attention(&qkv[0], &qkv[1], &qkv[2], open, 0.0, false, None, false);
        attended.transpose(1, 2).flatten(2, 3).apply(&self.proj)
    }
}

fn layer_norm(vs: &nn::Path, width: i64) -> nn::LayerNorm {
    nn::layer_norm(vs, vec![width], nn::LayerNormConfig { eps: EPSILON, ..Default::default() })
}
