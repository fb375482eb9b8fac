//! Image encoder of SAM 2: Hiera, a vision transformer whose grid is halved from stage to stage.
//!
//! Ryali et al., "Hiera: A Hierarchical Vision Transformer without the Bells-and-Whistles" (2023), with position embeddings
//! of windows and picture (Bolya et al., "Window Attention is Bugged", 2023).

use tch::nn::{self, Init};
use tch::{Kind, Tensor};

use super::block::Block;
use super::config::{STRIDE, Sam2Config};
use crate::networks::blocks::promptable::layers::strided;

/// Side in pixels of what one cell of the first stage sees.
const PATCH: i64 = 7;

/// The image encoder, under `vision_encoder.backbone`.
#[derive(Debug)]
pub(super) struct Hiera {
    patch_embed: nn::Conv2D,
    /// `[1, D, side, side]`: interpolated over the picture.
    pos_embed: Tensor,
    /// `[1, D, window, window]`: repeated in every window.
    pos_embed_window: Tensor,
    grid: i64,
    /// `[1, grid, grid, D]`: both together, once frozen.
    positions: Option<Tensor>,
    stages: Vec<Vec<Block>>,
}

impl Hiera {
    pub(super) fn new(vs: &nn::Path, config: &Sam2Config) -> Self {
        let width = config.widths[0];
        let table = |name: &str, side: i64| {
            vs.var(name, &[1, width, side, side], Init::Randn { mean: 0.0, stdev: 0.02 })
        };
        let mut first = 0;
        let stages = config.blocks.iter().enumerate().map(|(stage, &count)| {
            let of_stage: Vec<Block> = (0..count)
                .map(|index| {
                    Block::new(&(vs / "blocks" / (first + index)), config, (stage, index, first + index))
                })
                .collect();
            first += count;
            of_stage
        });
        Self {
            patch_embed: strided(&(vs / "patch_embed" / "projection"), 3, width, PATCH, STRIDE),
            pos_embed: table("pos_embed", config.position_side),
            pos_embed_window: table("pos_embed_window", config.windows[0]),
            grid: config.grid(0),
            positions: None,
            stages: stages.collect(),
        }
    }

    /// `[B, 3, S, S]` to what each stage makes of it: `[B, S/4, S/4, D]`, `[B, S/8, S/8, 2D]` and so on.
    pub(super) fn forward(&self, pixels: &Tensor) -> Vec<Tensor> {
        let cells = pixels.to_kind(self.pos_embed.kind()).apply(&self.patch_embed);
        // Cells side by side in memory: what follows would copy them again and again.
        let cells = cells.permute([0, 2, 3, 1]).contiguous();
        let mut features = match &self.positions {
            Some(positions) => cells + positions,
            None => cells + self.positions(),
        };
        let mut of_stages = Vec::with_capacity(self.stages.len());
        for blocks in &self.stages {
            for block in blocks {
                features = block.forward(&features);
            }
            of_stages.push(features.shallow_clone());
        }
        of_stages
    }

    /// Keeps the positions of cells, which are the same for every picture.
    pub(super) fn freeze(&mut self) {
        self.positions = Some(tch::no_grad(|| self.positions()));
    }

    /// `[1, grid, grid, D]`: where in the picture and where in its window each cell lies.
    fn positions(&self) -> Tensor {
        let windows = self.grid / self.pos_embed_window.size()[2];
        let kind = self.pos_embed.kind();
        let picture =
            self.pos_embed.to_kind(Kind::Float).upsample_bicubic2d([self.grid, self.grid], false, None, None);
        let all = picture + self.pos_embed_window.to_kind(Kind::Float).repeat([1, 1, windows, windows]);
        all.permute([0, 2, 3, 1]).contiguous().to_kind(kind)
    }
}
