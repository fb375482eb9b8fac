//! Prompt encoder of SAM 2: a box becomes three tokens, one per corner and one that says that no more points follow.

use tch::nn;
use tch::{Kind, Tensor};

use super::config::{EPSILON, Sam2Config};
use crate::networks::blocks::promptable::layers::embedding;
use crate::networks::blocks::promptable::prompts::{Frequencies, mask_prompts};

/// Rows of the point table: a point outside, a point inside, the top left corner, the bottom right corner.
const POINT_KINDS: i64 = 4;
/// The first of the corners' rows.
const CORNERS: i64 = 2;

/// The prompt encoder, under `prompt_encoder`, and the picture's own places, under `shared_image_embedding`.
#[derive(Debug)]
pub(super) struct PromptEncoder {
    image_size: i64,
    grid: i64,
    frequencies: Frequencies,
    point_embed: Tensor,
    not_a_point_embed: Tensor,
    no_mask_embed: Tensor,
    /// `[1, grid * grid, C]`, once frozen.
    places: Option<Tensor>,
}

impl PromptEncoder {
    /// Also makes the parameters of point and mask prompts, which boxes do not use: a checkpoint has them.
    pub(super) fn new(vs: &nn::Path, config: &Sam2Config) -> Self {
        let channels = config.output_channels;
        let prompts = vs / "prompt_encoder";
        mask_prompts(&(&prompts / "mask_embed"), channels, EPSILON);
        Self {
            image_size: config.image_size,
            grid: config.grid(2),
            frequencies: Frequencies::new(vs, channels),
            point_embed: embedding(&(&prompts / "point_embed"), POINT_KINDS, channels),
            not_a_point_embed: embedding(&(&prompts / "not_a_point_embed"), 1, channels),
            no_mask_embed: embedding(&(&prompts / "no_mask_embed"), 1, channels),
            places: None,
        }
    }

    /// `[N, 4]` boxes in pixels of the squashed picture to `[N, 3, C]`.
    pub(super) fn boxes(&self, boxes: &Tensor) -> Tensor {
        let corners = self.frequencies.corners(boxes, self.image_size)
            + self.point_embed.narrow(0, CORNERS, 2).unsqueeze(0);
        // Prompts of points are filled up with one that is no point, and the authors prompt with corners as points.
        let end = self.not_a_point_embed.unsqueeze(0).expand([boxes.size()[0], -1, -1], false);
        Tensor::cat(&[&corners, &end], 1)
    }

    /// In what the network computes.
    pub(super) fn kind(&self) -> Kind {
        self.no_mask_embed.kind()
    }

    /// `[1, C]`: added to every cell, as no mask is given.
    pub(super) fn no_mask(&self) -> &Tensor {
        &self.no_mask_embed
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
