//! Segmentation of the object in a box. SAM: a picture is encoded once, then every box is decoded in a moment.
//!
//! Kirillov et al., "Segment Anything" (2023), box prompts only. Parameters carry the names that `transformers` gives
//! them in `SamModel`, so that its checkpoints load as they are.

mod config;
mod descriptor;
mod image_encoder;
mod import;
mod layers;
mod mask_decoder;
mod names;
mod paint;
mod presets;
mod prompt_encoder;
mod serve;
mod shapes;
mod transformer;

use tch::{Kind, Tensor, nn};

pub use config::{MULTIMASK_OUTPUTS, SamConfig, SamConfigError};
pub use descriptor::SEGMENT;
pub use names::{SAM, SAM_ORIGINAL};
pub use serve::SamSegmenter;
pub use shapes::shapes;

use image_encoder::ImageEncoder;
use mask_decoder::MaskDecoder;
use prompt_encoder::PromptEncoder;

/// What the channels of the training pictures, 0 to 255, were centred at.
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
/// And by what they were divided.
const DEVIATION: [f32; 3] = [58.395, 57.12, 57.375];

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

    /// The dimensions it was made with.
    #[must_use]
    pub fn config(&self) -> &SamConfig {
        &self.config
    }

    /// One picture's bytes, `[height, width, 3]` in 0 to 255 and no side longer than the network's, as the network
    /// reads them: `[3, S, S]`, normalised, then zeros to the right and below. On the device of the bytes.
    pub fn pixels(&self, rgb: &Tensor) -> Tensor {
        let device = rgb.device();
        let channel = |values: &[f32; 3]| Tensor::from_slice(values).to_device(device);
        let normalised = (rgb.to_kind(Kind::Float) - channel(&MEAN)) / channel(&DEVIATION);
        let (height, width) = (rgb.size()[0], rgb.size()[1]);
        let side = self.config.image_size;
        normalised.permute([2, 0, 1]).constant_pad_nd([0, side - width, 0, side - height])
    }

    /// Encodes pictures `[B, 3, S, S]`, normalised and padded, to `[B, C, S/p, S/p]`: once a picture.
    pub fn encode(&self, pixels: &Tensor) -> Tensor {
        self.image_encoder.forward(&pixels.to_kind(self.prompt_encoder.kind()))
    }

    /// Finds what each box holds. `embeddings` `[N, C, h, w]` has the encoding of each box's picture (an
    /// `index_select` of what [`Self::encode`] made), `boxes` `[N, 4]` are left, top, right, bottom in pixels of the
    /// resized picture. Gives mask logits `[N, M, 4h, 4w]` and predicted IoUs `[N, M]`; M is 1, or 3 for `multimask`.
    pub fn decode(&self, embeddings: &Tensor, boxes: &Tensor) -> (Tensor, Tensor) {
        let places = self.prompt_encoder.places(self.config.grid());
        let prompts = self.prompt_encoder.boxes(boxes);
        let cells = embeddings + self.prompt_encoder.no_mask();
        let (masks, ious) = self.mask_decoder.forward(&cells, &places, &prompts);
        let (first, count) = if self.config.multimask { (1, MULTIMASK_OUTPUTS) } else { (0, 1) };
        (masks.narrow(1, first, count), ious.narrow(1, first, count))
    }

    /// Of each box's masks the one with the best predicted IoU, the first on a tie: `[N, 1, 4h, 4w]` and `[N, 1]`.
    pub fn best(low_res: &Tensor, ious: &Tensor) -> (Tensor, Tensor) {
        if ious.size()[1] == 1 {
            return (low_res.shallow_clone(), ious.shallow_clone());
        }
        let best = ious.argmax(1, true);
        let side = low_res.size()[2];
        let everywhere = best.view([-1, 1, 1, 1]).expand([-1, 1, side, side], false);
        (low_res.gather(1, &everywhere, false), ious.gather(1, &best, false))
    }
}

#[cfg(test)]
mod tests;
