//! Prompt encoder of SAM: a box becomes two tokens, one per corner; every cell gets its position.

use std::f64::consts::PI;

use tch::nn;
use tch::{Kind, Tensor};

use super::SamConfig;
use super::layers::{EPSILON, embedding, layer_norm, patches};

/// Rows of the point table: a point outside, a point inside, the top left corner, the bottom right corner.
const POINT_KINDS: i64 = 4;
/// Channels of a mask given as a prompt, before the last convolution.
const MASK_CHANNELS: i64 = 16;

/// The prompt encoder, under `prompt_encoder`, and the picture's own places, under `shared_image_embedding`.
#[derive(Debug)]
pub(super) struct PromptEncoder {
    image_size: f64,
    /// `[2, C / 2]`: random frequencies, never trained.
    picture_frequencies: Tensor,
    /// The same values under their second name; memory of their own, so that loading one does not change the other.
    prompt_frequencies: Tensor,
    corners: [Tensor; 2],
    no_mask_embed: Tensor,
}

impl PromptEncoder {
    /// Also makes the parameters of point and mask prompts, which boxes do not use: a checkpoint has them.
    pub(super) fn new(vs: &nn::Path, config: &SamConfig) -> Self {
        let channels = config.output_channels;
        let prompts = vs / "prompt_encoder";
        let frequencies = Tensor::randn([2, channels / 2], (vs.kind(), vs.device()));
        let point = |kind: i64| embedding(&(&prompts / "point_embed" / kind), 1, channels);
        let points: Vec<Tensor> = (0..POINT_KINDS).map(point).collect();
        let _unused = embedding(&(&prompts / "not_a_point_embed"), 1, channels);
        mask_prompts(&(&prompts / "mask_embed"), channels);
        Self {
            image_size: config.image_size as f64,
            picture_frequencies: (vs / "shared_image_embedding").add(
                "positional_embedding",
                frequencies.copy(),
                false,
            ),
            prompt_frequencies: (&prompts / "shared_embedding").add(
                "positional_embedding",
                frequencies,
                false,
            ),
            corners: [points[2].shallow_clone(), points[3].shallow_clone()],
            no_mask_embed: embedding(&(&prompts / "no_mask_embed"), 1, channels),
        }
    }

    /// `[N, 4]` boxes in pixels of the resized picture to `[N, 2, C]`: the top left and the bottom right corner.
    pub(super) fn boxes(&self, boxes: &Tensor) -> Tensor {
        // A corner means the middle of the pixel that it names.
        let corners = (boxes.to_kind(Kind::Float) + 0.5).view([-1, 2, 2]) / self.image_size;
        waves(&corners, &self.prompt_frequencies) + Tensor::stack(&self.corners, 1)
    }

    /// In what the network computes.
    pub(super) fn kind(&self) -> Kind {
        self.no_mask_embed.kind()
    }

    /// `[1, C, 1, 1]`: added to every cell, as no mask is given.
    pub(super) fn no_mask(&self) -> Tensor {
        self.no_mask_embed.view([1, -1, 1, 1])
    }

    /// `[1, grid * grid, C]`: where in the picture each cell lies, row by row.
    pub(super) fn places(&self, grid: i64) -> Tensor {
        let centres =
            (Tensor::arange(grid, (Kind::Float, self.picture_frequencies.device())) + 0.5) / grid as f64;
        let across = centres.view([1, grid]).expand([grid, grid], false);
        let down = centres.view([grid, 1]).expand([grid, grid], false);
        waves(&Tensor::stack(&[across, down], -1).view([1, grid * grid, 2]), &self.picture_frequencies)
    }
}

/// Coordinates between 0 and 1 as sines and cosines of random frequencies (Tancik et al., "Fourier Features").
fn waves(coordinates: &Tensor, frequencies: &Tensor) -> Tensor {
    // In single precision whatever the network computes in: an angle goes round many times.
    let angles = (coordinates * 2.0 - 1.0).matmul(&frequencies.to_kind(Kind::Float)) * (2.0 * PI);
    Tensor::cat(&[angles.sin(), angles.cos()], -1).to_kind(frequencies.kind())
}

fn mask_prompts(vs: &nn::Path, channels: i64) {
    patches(&(vs / "conv1"), 1, MASK_CHANNELS / 4, 2);
    layer_norm(&(vs / "layer_norm1"), MASK_CHANNELS / 4, EPSILON);
    patches(&(vs / "conv2"), MASK_CHANNELS / 4, MASK_CHANNELS, 2);
    layer_norm(&(vs / "layer_norm2"), MASK_CHANNELS, EPSILON);
    patches(&(vs / "conv3"), MASK_CHANNELS, channels, 1);
}
