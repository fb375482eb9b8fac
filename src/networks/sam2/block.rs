//! Multi-scale block of Hiera: attention within windows or over the whole picture, which halves the grid where a stage
//! begins.

use tch::Tensor;
use tch::nn;

use super::config::{EPSILON, Sam2Config};
use crate::networks::blocks::promptable::layers::{FeedForward, layer_norm, linear};
use crate::networks::blocks::promptable::windows::{from_windows, into_windows};

/// One block, norms first.
#[derive(Debug)]
pub(super) struct Block {
    /// Side of the windows within which it attends; none where it attends over the whole picture.
    window: Option<i64>,
    layer_norm1: nn::LayerNorm,
    attn: Attention,
    layer_norm2: nn::LayerNorm,
    mlp: FeedForward,
    /// Widens what goes around attention where the grid is halved.
    proj: Option<nn::Linear>,
}

impl Block {
    /// The block of a stage, by the numbers of the stage, of the block in it, and of the block among all.
    pub(super) fn new(vs: &nn::Path, config: &Sam2Config, (stage, index, number): (usize, i64, i64)) -> Self {
        // The first block of a stage still has the width and the windows of the stage before it.
        let before = if index == 0 { stage.saturating_sub(1) } else { stage };
        let (from, to) = (config.widths[before], config.widths[stage]);
        let halves = before != stage;
        Self {
            window: (!config.global_blocks.contains(&number)).then_some(config.windows[before]),
            layer_norm1: layer_norm(&(vs / "layer_norm1"), from, EPSILON),
            attn: Attention::new(&(vs / "attn"), (from, to), config.heads[stage], halves),
            layer_norm2: layer_norm(&(vs / "layer_norm2"), to, EPSILON),
            mlp: FeedForward::new(&(vs / "mlp"), ["proj_in", "proj_out"], to, config.encoder_mlp(stage)),
            proj: halves.then(|| linear(&(vs / "proj"), from, to)),
        }
    }

    /// `[B, grid, grid, D]` to the same, or to `[B, grid / 2, grid / 2, D']` where a stage begins.
    pub(super) fn forward(&self, features: &Tensor) -> Tensor {
        let normed = features.apply(&self.layer_norm1);
        let around = match &self.proj {
            Some(proj) => halved(&normed.apply(proj)),
            None => features.shallow_clone(),
        };
        let attended = match self.window {
            None => self.attn.forward(&normed),
            Some(side) => {
                let windows = self.attn.forward(&into_windows(&normed, side));
                from_windows(&windows, windows.size()[1], around.size()[1])
            }
        };
        let features = around + attended;
        let mixed = self.mlp.with_gelu(&features.apply(&self.layer_norm2));
        features + mixed
    }
}

/// Self-attention over a square of cells; where a stage begins, queries are the largest of four cells.
#[derive(Debug)]
struct Attention {
    heads: i64,
    halves: bool,
    qkv: nn::Linear,
    proj: nn::Linear,
}

impl Attention {
    fn new(vs: &nn::Path, (from, to): (i64, i64), heads: i64, halves: bool) -> Self {
        Self { heads, halves, qkv: linear(&(vs / "qkv"), from, 3 * to), proj: linear(&(vs / "proj"), to, to) }
    }

    /// `[B, side, side, D]` to the same, or to half the side.
    fn forward(&self, features: &Tensor) -> Tensor {
        let (batch, side, _, _) =
            features.size4().unwrap_or_else(|_| unreachable!("features have four dimensions"));
        let qkv = features.apply(&self.qkv).view([batch, side, side, 3, -1]).unbind(3);
        let query = if self.halves { halved(&qkv[0]) } else { qkv[0].shallow_clone() };
        let side = query.size()[1];
        let mixed = Tensor::scaled_dot_product_attention(
            &self.by_head(&query),
            &self.by_head(&qkv[1]),
            &self.by_head(&qkv[2]),
            None::<Tensor>,
            0.0,
            false,
            None,
            false,
        );
        mixed.transpose(1, 2).reshape([batch, side, side, -1]).apply(&self.proj)
    }

    /// `[B, side, side, D]` to `[B, heads, side * side, head]`.
    fn by_head(&self, projected: &Tensor) -> Tensor {
        projected.flatten(1, 2).unflatten(2, [self.heads, -1]).transpose(1, 2)
    }
}

/// The largest of each two by two cells: `[B, side, side, D]` to `[B, side / 2, side / 2, D]`.
fn halved(features: &Tensor) -> Tensor {
    let of_two = |features: &Tensor, dim: i64| {
        let pairs = features.unflatten(dim, [-1, 2]);
        pairs.select(dim + 1, 0).maximum(&pairs.select(dim + 1, 1))
    };
    of_two(&of_two(features, 1), 2)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn the_largest_of_four_cells_are_those_of_max_pooling() {
        let features = Tensor::randn([2, 6, 6, 5], (Kind::Float, Device::Cpu));
        let pooled = features.permute([0, 3, 1, 2]).max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        assert_eq!(halved(&features), pooled.permute([0, 2, 3, 1]));
    }
}
