//! Prompt encoding of SAM and SAM 2: corners of boxes and cells of the picture as waves, and the layers of mask prompts.

use std::f64::consts::PI;

use tch::nn;
use tch::{Kind, Tensor};

use super::layers::{layer_norm, patches};

/// Channels of a mask given as a prompt, before the last convolution.
const MASK_CHANNELS: i64 = 16;

/// Random frequencies `[2, C / 2]`, never trained: under `shared_image_embedding` for the picture's own places, and the same
/// values under `prompt_encoder.shared_embedding`, in memory of their own, so that loading one does not change the other.
#[derive(Debug)]
pub(in crate::networks) struct Frequencies {
    picture: Tensor,
    prompts: Tensor,
}

impl Frequencies {
    pub(in crate::networks) fn new(vs: &nn::Path, channels: i64) -> Self {
        let frequencies = Tensor::randn([2, channels / 2], (vs.kind(), vs.device()));
        let add = |vs: nn::Path, values: Tensor| vs.add("positional_embedding", values, false);
        Self {
            picture: add(vs / "shared_image_embedding", frequencies.copy()),
            prompts: add(vs / "prompt_encoder" / "shared_embedding", frequencies),
        }
    }

    /// `[N, 4]` boxes in pixels of a square picture of `image_size` pixels a side to `[N, 2, C]`: the top left and the bottom
    /// right corner.
    pub(in crate::networks) fn corners(&self, boxes: &Tensor, image_size: i64) -> Tensor {
        // A corner means the middle of the pixel that it names.
        let corners = (boxes.to_kind(Kind::Float) + 0.5).view([-1, 2, 2]) / image_size as f64;
        waves(&corners, &self.prompts)
    }

    /// `[1, grid * grid, C]`: where in the picture each cell lies, row by row.
    pub(in crate::networks) fn places(&self, grid: i64) -> Tensor {
        let centres = (Tensor::arange(grid, (Kind::Float, self.picture.device())) + 0.5) / grid as f64;
        let across = centres.view([1, grid]).expand([grid, grid], false);
        let down = centres.view([grid, 1]).expand([grid, grid], false);
        waves(&Tensor::stack(&[across, down], -1).view([1, grid * grid, 2]), &self.picture)
    }
}

/// Coordinates between 0 and 1 as sines and cosines of random frequencies (Tancik et al., "Fourier Features").
fn waves(coordinates: &Tensor, frequencies: &Tensor) -> Tensor {
    // In single precision whatever the network computes in: an angle goes round many times.
    let angles = (coordinates * 2.0 - 1.0).matmul(&frequencies.to_kind(Kind::Float)) * (2.0 * PI);
    Tensor::cat(&[angles.sin(), angles.cos()], -1).to_kind(frequencies.kind())
}

/// The parameters of mask prompts, under `prompt_encoder.mask_embed`. Boxes do not use them: a checkpoint has them.
pub(in crate::networks) fn mask_prompts(vs: &nn::Path, channels: i64, epsilon: f64) {
    patches(&(vs / "conv1"), 1, MASK_CHANNELS / 4, 2);
    layer_norm(&(vs / "layer_norm1"), MASK_CHANNELS / 4, epsilon);
    patches(&(vs / "conv2"), MASK_CHANNELS / 4, MASK_CHANNELS, 2);
    layer_norm(&(vs / "layer_norm2"), MASK_CHANNELS, epsilon);
    patches(&(vs / "conv3"), MASK_CHANNELS, channels, 1);
}
