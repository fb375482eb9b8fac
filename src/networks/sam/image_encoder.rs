//! Image encoder of SAM: a vision transformer that runs once per picture.
//!
//! A plain ViT whose layers attend within windows, four of them over the whole picture, with relative positions split
//! into rows and columns (Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection").

use tch::Tensor;
use tch::nn::{self, Init};

use super::attention::Attention;
use super::config::{EPSILON, SamConfig};
use crate::networks::blocks::promptable::layers::{FeedForward, layer_norm, of_patches, patches, same};
use crate::networks::blocks::promptable::windows::{from_windows, into_windows};

/// The image encoder, under `vision_encoder`.
#[derive(Debug)]
pub(super) struct ImageEncoder {
    patch_embed: nn::Conv2D,
    pos_embed: Tensor,
    layers: Vec<Layer>,
    neck: Neck,
}

impl ImageEncoder {
    pub(super) fn new(vs: &nn::Path, config: &SamConfig) -> Self {
        let grid = config.grid();
        Self {
            patch_embed: patches(&(vs / "patch_embed" / "projection"), 3, config.hidden, config.patch_size),
            pos_embed: vs.var(
                "pos_embed",
                &[1, grid, grid, config.hidden],
                Init::Randn { mean: 0.0, stdev: 0.02 },
            ),
            layers: (0..config.layers)
                .map(|index| Layer::new(&(vs / "layers" / index), config, config.attended_side(index)))
                .collect(),
            neck: Neck::new(&(vs / "neck"), config),
        }
    }

    /// `[B, 3, S, S]` to `[B, C, S/p, S/p]`, the channels of each cell side by side.
    pub(super) fn forward(&self, pixels: &Tensor) -> Tensor {
        let mut features =
            of_patches(&self.patch_embed, &pixels.to_kind(self.pos_embed.kind())) + &self.pos_embed;
        let grid = features.size()[1];
        let mut side = grid;
        for layer in &self.layers {
            // Where windows tile the picture, features stay in them from one layer to the next.
            let next = if grid % layer.side == 0 { layer.side } else { grid };
            if next != side {
                features = into_windows(&from_windows(&features, side, grid), next);
                side = next;
            }
            features = layer.forward(&features);
        }
        self.neck.forward(&from_windows(&features, side, grid))
    }
}

/// One transformer layer, norms first. It attends within squares of `side` patches.
#[derive(Debug)]
struct Layer {
    side: i64,
    layer_norm1: nn::LayerNorm,
    attn: Attention,
    layer_norm2: nn::LayerNorm,
    mlp: FeedForward,
}

impl Layer {
    fn new(vs: &nn::Path, config: &SamConfig, side: i64) -> Self {
        Self {
            side,
            layer_norm1: layer_norm(&(vs / "layer_norm1"), config.hidden, EPSILON),
            attn: Attention::new(&(vs / "attn"), config, side),
            layer_norm2: layer_norm(&(vs / "layer_norm2"), config.hidden, EPSILON),
            mlp: FeedForward::new(&(vs / "mlp"), ["lin1", "lin2"], config.hidden, config.encoder_mlp()),
        }
    }

    /// Features in squares of the layer's own side, or in whole pictures that its windows do not tile.
    fn forward(&self, features: &Tensor) -> Tensor {
        let given_side = features.size()[1];
        let attended = features.apply(&self.layer_norm1);
        let attended = if given_side == self.side {
            self.attn.forward(&attended)
        } else {
            from_windows(&self.attn.forward(&into_windows(&attended, self.side)), self.side, given_side)
        };
        let features = features + attended;
        let mixed = self.mlp.with_gelu(&features.apply(&self.layer_norm2));
        features + mixed
    }
}

/// From the encoder's width to the decoder's, each cell mixed with its neighbours.
#[derive(Debug)]
struct Neck {
    conv1: nn::Conv2D,
    layer_norm1: nn::LayerNorm,
    conv2: nn::Conv2D,
    layer_norm2: nn::LayerNorm,
}

impl Neck {
    fn new(vs: &nn::Path, config: &SamConfig) -> Self {
        let channels = config.output_channels;
        Self {
            conv1: same(&(vs / "conv1"), config.hidden, channels, 1),
            layer_norm1: layer_norm(&(vs / "layer_norm1"), channels, EPSILON),
            conv2: same(&(vs / "conv2"), channels, channels, 3),
            layer_norm2: layer_norm(&(vs / "layer_norm2"), channels, EPSILON),
        }
    }

    /// `[B, h, w, D]` to `[B, C, h, w]`. The channels of a cell stay side by side, as norms and products want them.
    fn forward(&self, features: &Tensor) -> Tensor {
        let features = features.linear(&self.conv1.ws.flatten(1, 3), None::<Tensor>).apply(&self.layer_norm1);
        let mixed = features.permute([0, 3, 1, 2]).apply(&self.conv2).permute([0, 2, 3, 1]);
        mixed.apply(&self.layer_norm2).permute([0, 3, 1, 2])
    }
}
