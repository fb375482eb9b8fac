//! Prompt encoder of SAM: a box becomes two tokens, one per corner; every cell gets its position.

use tch::nn;
use tch::{Kind, Tensor};

use super::config::{EPSILON, SamConfig};
use crate::networks::blocks::promptable::layers::embedding;
use crate::networks::blocks::promptable::prompts::{Frequencies, mask_prompts};

/// Rows of the point table: a point outside, a point inside, the top left corner, the bottom right corner.
const POINT_KINDS: i64 = 4;

/// The prompt encoder, under `prompt_encoder`, and the picture's own places, under `shared_image_embedding`.
#[derive(Debug)]
pub(super) struct PromptEncoder {
    image_size: i64,
    grid: i64,
    frequencies: Frequencies,
    corners: [Tensor; 2],
    no_mask_embed: Tensor,
    /// `[1, grid * grid, C]`, once frozen.
    places: Option<Tensor>,
}

impl PromptEncoder {
    /// Also makes the parameters of point and mask prompts, which boxes do not use: a checkpoint has them.
    pub(super) fn new(vs: &nn::Path, config: &SamConfig) -> Self {
        let channels = config.output_channels;
        let prompts = vs / "prompt_encoder";
        let frequencies = Frequencies::new(vs, channels);
        let point = |kind: i64| embedding(&(&prompts / "point_embed" / kind), 1, channels);
        let points: Vec<Tensor> = (0..POINT_KINDS).map(point).collect();
        let _unused = embedding(&(&prompts / "not_a_point_embed"), 1, channels);
        mask_prompts(&(&prompts / "mask_embed"), channels, EPSILON);
        Self {
            image_size: config.image_size,
            grid: config.grid(),
            frequencies,
            corners: [points[2].shallow_clone(), points[3].shallow_clone()],
            no_mask_embed: embedding(&(&prompts / "no_mask_embed"), 1, channels),
            places: None,
        }
    }

    /// `[N, 4]` boxes in pixels of the resized picture to `[N, 2, C]`: the top left and the bottom right corner.
    pub(super) fn boxes(&self, boxes: &Tensor) -> Tensor {
        self.frequencies.corners(boxes, self.image_size) + Tensor::stack(&self.corners, 1)
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
    pub(super) fn places(&self) -> Tensor {
        match &self.places {
            Some(places) => places.shallow_clone(),
            None => self.frequencies.places(self.grid),
        }
    }

    /// Keeps the places of cells, which are the same for every picture.
    pub(super) fn freeze(&mut self) {
        self.places = Some(tch::no_grad(|| self.frequencies.places(self.grid)));
    }
}
