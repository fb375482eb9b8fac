//! Segmentation of the object in a box. SAM: a picture is encoded once, then every box is decoded in a moment.
//!
//! Kirillov et al., "Segment Anything" (2023), box prompts only. Parameters carry the names that `transformers` gives
//! them in `SamModel`, so that its checkpoints load as they are.

mod attention;
mod config;
mod descriptor;
mod image_encoder;
mod import;
mod mask_decoder;
mod names;
mod presets;
mod prompt_encoder;
mod serve;
mod shapes;

use tch::{Tensor, nn};

pub use crate::networks::blocks::promptable::MULTIMASK_OUTPUTS;
pub use config::{SamConfig, SamConfigError};
pub use descriptor::SEGMENT;
pub use names::{SAM, SAM_ORIGINAL};
pub use serve::SamSegmenter;
pub use shapes::shapes;

use crate::networks::blocks::promptable::normalised;
use image_encoder::ImageEncoder;
use mask_decoder::MaskDecoder;
use prompt_encoder::PromptEncoder;

/// The network. The same functions serve training: gradients flow unless the caller turns them off.
#[derive(Debug)]
pub struct Sam {
    config: SamConfig,
    image_encoder: ImageEncoder,
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
}

impl Sam {
    /// Makes the network with random weights, every parameter of the published layout among them.
    ///
    /// # Panics
    /// If the dimensions make no network: see [`SamConfig::validate`].
    #[must_use]
    pub fn new(vs: &nn::Path, config: &SamConfig) -> Self {
        Self {
            config: config.clone(),
            image_encoder: ImageEncoder::new(&(vs / "vision_encoder"), config),
            prompt_encoder: PromptEncoder::new(vs, config),
            mask_decoder: MaskDecoder::new(&(vs / "mask_decoder"), config),
        }
    }

    /// Computes once what is the same for every picture. Afterwards the network must not learn.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.prompt_encoder.freeze();
        self
    }

    /// The dimensions it was made with.
    #[must_use]
    pub fn config(&self) -> &SamConfig {
        &self.config
    }

    /// One picture's bytes, `[height, width, 3]` in 0 to 255 and no side longer than the network's, as the network
    /// reads them: `[3, S, S]`, normalised, then zeros to the right and below. On the device of the bytes.
    pub fn pixels(&self, rgb: &Tensor) -> Tensor {
        let (height, width) = (rgb.size()[0], rgb.size()[1]);
        let side = self.config.image_size;
        normalised(rgb).permute([2, 0, 1]).constant_pad_nd([0, side - width, 0, side - height])
    }

    /// Encodes pictures `[B, 3, S, S]`, normalised and padded, to `[B, C, S/p, S/p]`, in memory with the channels of each cell
    /// side by side: once a picture.
    pub fn encode(&self, pixels: &Tensor) -> Tensor {
        self.image_encoder.forward(&pixels.to_kind(self.prompt_encoder.kind()))
    }

    /// Finds what each box holds. `embeddings` `[N, C, h, w]` has the encoding of each box's picture (an
    /// `index_select` of what [`Self::encode`] made), `boxes` `[N, 4]` are left, top, right, bottom in pixels of the
    /// resized picture. Gives mask logits `[N, M, 4h, 4w]` and predicted IoUs `[N, M]`; M is 1, or 3 for `multimask`.
    pub fn decode(&self, embeddings: &Tensor, boxes: &Tensor) -> (Tensor, Tensor) {
        let places = self.prompt_encoder.places();
        let prompts = self.prompt_encoder.boxes(boxes);
        let cells = embeddings + self.prompt_encoder.no_mask();
        let wanted = if self.config.multimask { 1..1 + MULTIMASK_OUTPUTS } else { 0..1 };
        self.mask_decoder.forward(&cells, &places, &prompts, wanted)
    }
}

#[cfg(test)]
mod tests;
