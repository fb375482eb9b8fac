//! Trunk of Grounding DINO, a Swin Transformer: attention within windows, every second time within shifted ones.
//!
//! After Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows" (arXiv 2103.14030), with the
//! parameter names of the published Grounding DINOs. A picture goes through alone: windows and norms would see what
//! another picture's size fills it up with.

use tch::nn;
use tch::{Device, Kind, Tensor};

use super::config::{GroundingDinoConfig, PATCH};
use super::layers::layer_norm;
use super::windows::{Windows, offsets};
use crate::networks::blocks::layers::linear;

/// The trunk.
#[derive(Debug)]
pub(super) struct Swin {
    patches: nn::Conv2D,
    norm: nn::LayerNorm,
    stages: Vec<Stage>,
    window: i64,
}

/// Blocks of one width; then what is read of them, and how four cells become one of the next stage.
#[derive(Debug)]
struct Stage {
    blocks: Vec<Block>,
    read: Option<nn::LayerNorm>,
    merging: Option<(nn::LayerNorm, nn::Linear)>,
}

/// Attention within windows and a feed-forward layer, each after a norm and added to its input.
#[derive(Debug)]
struct Block {
    norms: [nn::LayerNorm; 2],
    projections: [nn::Linear; 3],
    out: nn::Linear,
    /// What the place of a cell relative to another adds to their attention, `[(2 window - 1)^2, heads]`.
    biases: Tensor,
    widen: nn::Linear,
    narrow: nn::Linear,
    heads: i64,
}

impl Swin {
    pub(super) fn new(vs: &nn::Path, config: &GroundingDinoConfig) -> Self {
        let embeddings = vs / "embeddings";
        let conv = nn::ConvConfig { stride: PATCH, ..Default::default() };
        let projection = &embeddings / "patch_embeddings" / "projection";
        Self {
            patches: nn::conv2d(projection, 3, config.swin_width, PATCH, conv),
            norm: layer_norm(&(&embeddings / "norm"), config.swin_width),
            stages: (0..4).map(|stage| Stage::new(vs, config, stage)).collect(),
            window: config.swin_window,
        }
    }

    /// The maps of the last three stages, `[h, w, channels]`, of pixels `[1, 3, H, W]`.
    pub(super) fn forward(&self, pixels: &Tensor) -> Vec<Tensor> {
        let (height, width) = (pixels.size()[2], pixels.size()[3]);
        let filled = |side: i64| (PATCH - side % PATCH) % PATCH;
        let pixels = pixels.constant_pad_nd([0, filled(width), 0, filled(height)]);
        let cells = pixels.apply(&self.patches).squeeze_dim(0).permute([1, 2, 0]);
        let mut cells = cells.contiguous().apply(&self.norm);
        let mut maps = Vec::new();
        for stage in &self.stages {
            cells = stage.forward(&cells, self.window);
            maps.extend(stage.read.as_ref().map(|norm| cells.apply(norm)));
            if let Some((norm, reduction)) = &stage.merging {
                cells = four_in_one(&cells).apply(norm).apply(reduction);
            }
        }
        maps
    }
}

/// Every four cells that meet at a corner side by side, `[h, w, c]` to `[h / 2, w / 2, 4 c]`, rounded up.
fn four_in_one(cells: &Tensor) -> Tensor {
    let (height, width) = (cells.size()[0], cells.size()[1]);
    let cells = cells.constant_pad_nd([0, 0, 0, width % 2, 0, height % 2]);
    let every_second =
        |row: i64, column: i64| cells.slice(0, Some(row), None, 2).slice(1, Some(column), None, 2);
    let corners = [every_second(0, 0), every_second(1, 0), every_second(0, 1), every_second(1, 1)];
    Tensor::cat(&corners, 2)
}

impl Stage {
    fn new(vs: &nn::Path, config: &GroundingDinoConfig, stage: usize) -> Self {
        let (width, heads) = (config.swin_channels(stage), config.swin_heads[stage]);
        let layer = vs / "encoder" / "layers" / stage as i64;
        let blocks = &layer / "blocks";
        let downsample = &layer / "downsample";
        let merging = (stage < 3).then(|| {
            let reduction = nn::LinearConfig { bias: false, ..Default::default() };
            (
                layer_norm(&(&downsample / "norm"), 4 * width),
                nn::linear(&downsample / "reduction", 4 * width, 2 * width, reduction),
            )
        });
        let norms = vs / "hidden_states_norms";
        Self {
            blocks: (0..config.swin_depths[stage])
                .map(|index| Block::new(&(&blocks / index), width, heads, config.swin_window))
                .collect(),
            read: (stage > 0).then(|| layer_norm(&(&norms / format!("stage{}", stage + 1)), width)),
            merging,
        }
    }

    fn forward(&self, cells: &Tensor, window: i64) -> Tensor {
        let straight = Windows::of(cells, window, 0);
        let shifted = Windows::of(cells, window, window / 2);
        let apart = shifted.apart(cells.kind(), cells.device());
        let mut cells = cells.shallow_clone();
        for (index, block) in self.blocks.iter().enumerate() {
            cells = if index % 2 == 0 {
                block.forward(&cells, &straight, None)
            } else {
                block.forward(&cells, &shifted, apart.as_ref())
            };
        }
        cells
    }
}

impl Block {
    fn new(vs: &nn::Path, width: i64, heads: i64, window: i64) -> Self {
        let attention = vs / "attention";
        let own = &attention / "self";
        let projection = |name: &str| linear(&(&own / name), width, width);
        let places = (2 * window - 1) * (2 * window - 1);
        let init = nn::Init::Randn { mean: 0.0, stdev: 0.02 };
        Self {
            norms: ["layernorm_before", "layernorm_after"].map(|name| layer_norm(&(vs / name), width)),
            projections: ["query", "key", "value"].map(projection),
            out: linear(&(&attention / "output" / "dense"), width, width),
            biases: own.var("relative_position_bias_table", &[places, heads], init),
            widen: linear(&(vs / "intermediate" / "dense"), width, 4 * width),
            narrow: linear(&(vs / "output" / "dense"), 4 * width, width),
            heads,
        }
    }

    /// `[h, w, c]` to the same. `apart` is added to the attention within each window where it is given.
    fn forward(&self, cells: &Tensor, windows: &Windows, apart: Option<&Tensor>) -> Tensor {
        let within = windows.cut(&cells.apply(&self.norms[0]));
        let bias = self.bias(windows.side, cells.device());
        let bias = match apart {
            Some(apart) => bias + apart,
            None => bias.expand([within.size()[0], -1, -1, -1], false),
        };
        let attended = windows.join(&self.attend(&within, &bias));
        let cells = cells + attended;
        let fed = cells.apply(&self.norms[1]).apply(&self.widen).gelu("none").apply(&self.narrow);
        cells + fed
    }

    /// `[windows, n, c]` to the same.
    fn attend(&self, within: &Tensor, bias: &Tensor) -> Tensor {
        let [queries, keys, values] = [0, 1, 2].map(|index: usize| {
            within.apply(&self.projections[index]).unflatten(2, [self.heads, -1]).transpose(1, 2)
        });
        let attended = Tensor::scaled_dot_product_attention(
            &queries,
            &keys,
            &values,
            Some(bias),
            0.0,
            false,
            None,
            false,
        );
        attended.transpose(1, 2).flatten(2, 3).apply(&self.out)
    }

    /// What places add, `[1, heads, n, n]`, of windows of n cells.
    fn bias(&self, side: i64, device: Device) -> Tensor {
        let area = side * side;
        let rows = Tensor::from_slice(&offsets(side)).to_kind(Kind::Int64).to_device(device);
        let bias = self.biases.index_select(0, &rows).view([area, area, self.heads]);
        bias.permute([2, 0, 1]).contiguous().unsqueeze(0)
    }
}
