//! Picture encoder of MQSPN: CLIP's vision transformer, whose attention can read the text's keys and values first.
//!
//! Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (arXiv 2103.00020), with the
//! parameter names of `transformers`: norms first, and a sigmoid in place of GELU's normal distribution. Patches may be cut from
//! the cells of a ResNet in place of the pixels, as in the hybrid of Dosovitskiy et al., "An Image is Worth 16x16 Words" (arXiv
//! 2010.11929): such a network learns from fewer pictures, and can begin with a ResNet that has learnt already.

use tch::nn::{self, Init, Module};
use tch::{Kind, Tensor};

use super::MqspnConfig;
use crate::networks::blocks::bert::Memory;
use crate::networks::blocks::resnet::ResNet;

/// Added to the variance in CLIP's norms.
const EPSILON: f64 = 1e-5;
/// The slope of the sigmoid by which CLIP approximates GELU.
const SLOPE: f64 = 1.702;

/// Patches with their places, before the first layer.
#[derive(Debug)]
pub(super) struct Patches {
    resnet: Option<ResNet>,
    class: Tensor,
    patch: nn::Conv2D,
    positions: Tensor,
    norm: nn::LayerNorm,
}

impl Patches {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let (width, side) = (config.hidden, config.patch_cells());
        let init = Init::Randn { mean: 0.0, stdev: 0.02 };
        let embeddings = vs / "embeddings";
        let patches = nn::ConvConfig { stride: side, bias: false, ..Default::default() };
        let resnet = || ResNet::new(&(&embeddings / "resnet"), config.resnet_width, &config.resnet_layers);
        Self {
            resnet: config.has_resnet().then(resnet),
            class: embeddings.var("class_embedding", &[width], init),
            patch: nn::conv2d(&embeddings / "patch_embedding", config.channels(), width, side, patches),
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
        let pixels = pixels.to_kind(self.positions.kind());
        let cells = match &self.resnet {
            Some(resnet) => square(&resnet.forward(&pixels, false)),
            None => pixels,
        };
        let patches = cells.apply(&self.patch).flatten(2, 3).transpose(1, 2);
        let class = self.class.expand([patches.size()[0], 1, -1], false);
        let all = Tensor::cat(&[class, patches], 1) + &self.positions;
        self.norm.forward(&all)
    }

    /// Folds the norms of the ResNet into its convolutions.
    pub(super) fn freeze(&mut self) {
        if let Some(resnet) = &mut self.resnet {
            resnet.freeze();
        }
    }
}

/// `[B, side * side, C]`, cells row by row, to `[B, C, side, side]`.
fn square(cells: &Tensor) -> Tensor {
    let side = cells.size()[1].isqrt();
    cells.transpose(1, 2).unflatten(2, [side, side])
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

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// Pictures of 96 pixels in nine patches, each of four by four cells of a ResNet, whose cells see 27 pixels a side.
    fn config() -> MqspnConfig {
        MqspnConfig {
            image_size: 96,
            patch_size: 32,
            resnet_layers: vec![1, 1],
            resnet_width: 4,
            hidden: 8,
            heads: 2,
            ..<MqspnConfig as crate::networks::blocks::preset::Preset>::preset("mqspn-base").unwrap()
        }
    }

    #[test]
    fn patches_of_a_resnet_lie_where_its_cells_do() {
        tch::manual_seed(1);
        let patches = Patches::new(&nn::VarStore::new(Device::Cpu).root(), &config());
        let pixels = Tensor::randn([1, 3, 96, 96], (Kind::Float, Device::Cpu));
        let changed = pixels.copy();
        let _ = changed.narrow(2, 0, 8).narrow(3, 88, 8).fill_(2.0);
        let difference = (patches.forward(&pixels) - patches.forward(&changed)).abs().amax([2], false);
        let moved = Vec::<Vec<f32>>::try_from(difference).unwrap();
        // The first is the picture's; the third patch is the one in the corner.
        assert_eq!(moved[0].len(), 10);
        assert!(moved[0][3] > 1e-3, "{moved:?}");
        for far in [0, 1, 4, 5, 7, 8, 9] {
            assert_eq!(moved[0][far], 0.0, "{far} of {moved:?}");
        }
    }

    #[test]
    fn folded_norms_change_nothing() {
        tch::manual_seed(2);
        let mut patches = Patches::new(&nn::VarStore::new(Device::Cpu).root(), &config());
        let pixels = Tensor::randn([2, 3, 96, 96], (Kind::Float, Device::Cpu));
        let before = patches.forward(&pixels);
        patches.freeze();
        let difference = (patches.forward(&pixels) - before).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{difference}");
    }
}
