//! Image encoder of SAM: a vision transformer that runs once per picture.
//!
//! A plain ViT whose layers attend within windows, four of them over the whole picture, with relative positions split
//! into rows and columns (Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection").

use tch::nn::{self, Init};
use tch::{Device, Kind, Tensor};

use super::config::{EPSILON, SamConfig};
use crate::networks::blocks::promptable::layers::{
    FeedForward, layer_norm, linear, over_channels, patches, same,
};
use crate::networks::blocks::promptable::windows::{from_windows, into_windows};

/// Elements of one attention bias: 256 MiB in f32. ViT-B at 1024 pixels would need 768 MiB for one picture, so its
/// global layers attend in stripes; windows and small pictures come near in large batches only.
const BIAS_LIMIT: i64 = 1 << 26;

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

    /// `[B, 3, S, S]` to `[B, C, S/p, S/p]`.
    pub(super) fn forward(&self, pixels: &Tensor) -> Tensor {
        let patches = pixels.to_kind(self.pos_embed.kind()).apply(&self.patch_embed).permute([0, 2, 3, 1]);
        let mut features = patches + &self.pos_embed;
        for layer in &self.layers {
            features = layer.forward(&features);
        }
        self.neck.forward(&features)
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

    fn forward(&self, features: &Tensor) -> Tensor {
        let grid = features.size()[1];
        let attended = features.apply(&self.layer_norm1);
        let attended = if self.side == grid {
            self.attn.forward(&attended)
        } else {
            from_windows(&self.attn.forward(&into_windows(&attended, self.side)), self.side, grid)
        };
        let features = features + attended;
        let mixed = self.mlp.with_gelu(&features.apply(&self.layer_norm2));
        features + mixed
    }
}

/// Self-attention over a square of patches, biased by how many rows and columns lie between two of them.
#[derive(Debug)]
struct Attention {
    heads: i64,
    qkv: nn::Linear,
    proj: nn::Linear,
    /// `[2 * side - 1, head]`: what a query makes of a distance in rows.
    rel_pos_h: Tensor,
    /// `[2 * side - 1, head]`: what a query makes of a distance in columns.
    rel_pos_w: Tensor,
    /// `[side * side]`: the table row for each pair of a query's and a key's coordinate.
    distances: Tensor,
}

impl Attention {
    fn new(vs: &nn::Path, config: &SamConfig, side: i64) -> Self {
        let head = config.hidden / config.heads;
        Self {
            heads: config.heads,
            qkv: linear(&(vs / "qkv"), config.hidden, 3 * config.hidden),
            proj: linear(&(vs / "proj"), config.hidden, config.hidden),
            rel_pos_h: vs.var("rel_pos_h", &[2 * side - 1, head], Init::Const(0.0)),
            rel_pos_w: vs.var("rel_pos_w", &[2 * side - 1, head], Init::Const(0.0)),
            distances: distances(side, vs.device()),
        }
    }

    fn forward(&self, features: &Tensor) -> Tensor {
        self.forward_within(features, BIAS_LIMIT)
    }

    /// `[B, side, side, D]` to the same; rows of queries are taken in stripes whose bias keeps within `limit` elements.
    fn forward_within(&self, features: &Tensor, limit: i64) -> Tensor {
        let (batch, side, _, width) =
            features.size4().unwrap_or_else(|_| unreachable!("features have four dimensions"));
        let (tokens, head) = (side * side, width / self.heads);
        let qkv = features
            .apply(&self.qkv)
            .reshape([batch, tokens, 3, self.heads, head])
            .permute([2, 0, 3, 1, 4])
            .unbind(0);
        let (query, key, value) = (&qkv[0], &qkv[1], &qkv[2]);
        let rows = self.table(&self.rel_pos_h, side);
        let columns = self.table(&self.rel_pos_w, side);

        let rows_at_once = (limit / (batch * self.heads * side * tokens)).clamp(1, side);
        let mut stripes = Vec::new();
        for first in (0..side).step_by(rows_at_once as usize) {
            let count = rows_at_once.min(side - first);
            let query = query.narrow(2, first * side, count * side);
            let grid = query.reshape([batch * self.heads, count, side, head]);
            // Contiguous while they are small: their sum, the largest tensor here, then needs no copy to be reshaped.
            let by_row = einsum("bhwc,hkc->bhwk", &grid, &rows.narrow(0, first, count)).contiguous();
            let by_column = einsum("bhwc,wkc->bhwk", &grid, &columns).contiguous();
            let bias = (by_row.unsqueeze(-1) + by_column.unsqueeze(-2)).view([
                batch,
                self.heads,
                count * side,
                tokens,
            ]);
            stripes.push(Tensor::scaled_dot_product_attention(
                &query,
                key,
                value,
                Some(&bias),
                0.0,
                false,
                None,
                false,
            ));
        }
        let mixed = if stripes.len() == 1 { stripes.remove(0) } else { Tensor::cat(&stripes, 2) };
        mixed.transpose(1, 2).reshape([batch, side, side, width]).apply(&self.proj)
    }

    /// `[side, side, head]`: the table's row for each pair of coordinates.
    fn table(&self, table: &Tensor, side: i64) -> Tensor {
        table.index_select(0, &self.distances).view([side, side, -1])
    }
}

fn distances(side: i64, device: Device) -> Tensor {
    let coordinates = Tensor::arange(side, (Kind::Int64, device));
    (coordinates.unsqueeze(1) - coordinates.unsqueeze(0) + (side - 1)).flatten(0, 1)
}

fn einsum(equation: &str, left: &Tensor, right: &Tensor) -> Tensor {
    Tensor::einsum(equation, &[left, right], None::<i64>)
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

    fn forward(&self, features: &Tensor) -> Tensor {
        let features = over_channels(&self.layer_norm1, &features.permute([0, 3, 1, 2]).apply(&self.conv1));
        over_channels(&self.layer_norm2, &features.apply(&self.conv2)).contiguous()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_in_stripes_is_attention_at_once() {
        let vs = nn::VarStore::new(Device::Cpu);
        let config = SamConfig { hidden: 8, heads: 2, image_size: 80, window: 5, ..SamConfig::vit_b() };
        let attention = Attention::new(&vs.root(), &config, 5);
        tch::no_grad(|| {
            let (mut rows, mut columns) =
                (attention.rel_pos_h.shallow_clone(), attention.rel_pos_w.shallow_clone());
            let _ = rows.normal_(0.0, 1.0);
            let _ = columns.normal_(0.0, 1.0);
        });
        let features = Tensor::randn([2, 5, 5, 8], (Kind::Float, Device::Cpu));
        let whole = attention.forward_within(&features, i64::MAX);
        // Two rows at once, so that the last stripe is a short one.
        let striped = attention.forward_within(&features, 2 * 2 * 2 * 5 * 25);
        assert!(whole.allclose(&striped, 1e-5, 1e-6, false));
    }
}
