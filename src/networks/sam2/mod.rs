//! Segmentation of the object in a box with fewer operations. SAM 2: a hierarchical encoder, and finer features for masks.
//!
//! Ravi et al., "SAM 2: Segment Anything in Images and Videos" (2024), version 2.1, pictures and box prompts only: the memory
//! of videos is left out. Parameters carry the names that `transformers` gives them in `Sam2Model`.

mod block;
mod config;
mod descriptor;
mod hiera;
mod import;
mod mask_decoder;
mod names;
mod neck;
mod presets;
mod prompt_encoder;
mod serve;

use tch::nn::{self, Init};
use tch::{Kind, Tensor};

pub use config::{STAGES, Sam2Config};
pub use descriptor::SEGMENT;
pub use mask_decoder::Decoded;
pub use names::{SAM2, SAM2_ORIGINAL};
pub use neck::Encoded;
pub use serve::Sam2Segmenter;

use crate::networks::blocks::promptable::{MULTIMASK_OUTPUTS, chosen, normalised};
use hiera::Hiera;
use mask_decoder::MaskDecoder;
use neck::Neck;
use prompt_encoder::PromptEncoder;

/// The network. The same functions serve training, as long as it is not frozen: gradients flow unless the caller turns them
/// off.
#[derive(Debug)]
pub struct Sam2 {
    config: Sam2Config,
    image_encoder: Hiera,
    neck: Neck,
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
    /// `[1, 1, C]`: added to every cell, as no other picture came before.
    no_memory_embedding: Tensor,
}

impl Sam2 {
    /// Makes the network with random weights, every parameter of the published layout of pictures among them.
    ///
    /// # Panics
    /// If the dimensions make no network: see [`Sam2Config::check`].
    #[must_use]
    pub fn new(vs: &nn::Path, config: &Sam2Config) -> Self {
        Self {
            config: config.clone(),
            image_encoder: Hiera::new(&(vs / "vision_encoder" / "backbone"), config),
            neck: Neck::new(vs, config),
            prompt_encoder: PromptEncoder::new(vs, config),
            mask_decoder: MaskDecoder::new(&(vs / "mask_decoder"), config),
            no_memory_embedding: vs.var(
                "no_memory_embedding",
                &[1, 1, config.output_channels],
                Init::Randn { mean: 0.0, stdev: 0.02 },
            ),
        }
    }

    /// Computes once what is the same for every picture. Afterwards the network must not learn.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.image_encoder.freeze();
        self.neck.freeze();
        self.prompt_encoder.freeze();
        self
    }

    /// The dimensions it was made with.
    #[must_use]
    pub fn config(&self) -> &Sam2Config {
        &self.config
    }

    /// Pictures' bytes, `[B, S, S, 3]` in 0 to 255, as the network reads them: `[B, 3, S, S]`, normalised. On the device of
    /// the bytes.
    pub fn pixels(&self, rgb: &Tensor) -> Tensor {
        normalised(rgb).permute([0, 3, 1, 2])
    }

    /// What each stage of the image encoder makes of pictures `[B, 3, S, S]`: `[B, S/4, S/4, D]`, `[B, S/8, S/8, 2D]` and so
    /// on.
    pub fn stages(&self, pixels: &Tensor) -> Vec<Tensor> {
        self.image_encoder.forward(&pixels.to_kind(self.prompt_encoder.kind()))
    }

    /// Encodes pictures `[B, 3, S, S]`, normalised: once a picture.
    pub fn encode(&self, pixels: &Tensor) -> Encoded {
        let encoded = self.neck.forward(&self.stages(pixels));
        Encoded { coarse: encoded.coarse + &self.no_memory_embedding, ..encoded }
    }

    /// Finds what each box holds. `rows` `[N]` says which of the encoded pictures is each box's own, `boxes` `[N, 4]` are
    /// left, top, right, bottom in pixels of the squashed picture. Gives the masks for ambiguous prompts where the
    /// network's `multimask` says so, else one.
    pub fn decode(&self, encoded: &Encoded, rows: &Tensor, boxes: &Tensor) -> Decoded {
        let cells = Encoded {
            fine: of_each(&encoded.fine, rows),
            middle: of_each(&encoded.middle, rows),
            coarse: of_each(&(&encoded.coarse + self.prompt_encoder.no_mask()), rows),
        };
        let prompts = self.prompt_encoder.boxes(boxes);
        let all = self.mask_decoder.forward(&cells, &self.prompt_encoder.places(), &prompts);
        if self.config.multimask {
            let ambiguous = |tensor: &Tensor| tensor.narrow(1, 1, MULTIMASK_OUTPUTS);
            return Decoded { masks: ambiguous(&all.masks), ious: ambiguous(&all.ious), object: all.object };
        }
        let (masks, ious) = chosen(&all.masks, &all.ious, &self.single(&all));
        Decoded { masks, ious, object: all.object }
    }

    /// Which mask `[N, 1]` is taken where one is wanted: the one for unambiguous prompts if it is stable, else the one of
    /// the others with the best predicted IoU, the first on a tie.
    fn single(&self, all: &Decoded) -> Tensor {
        let first = all.masks.select(1, 0).flatten(1, 2);
        let pixels = |threshold: f64| first.gt(threshold).sum_dim_intlist(1, true, Kind::Float);
        let (within, around) = (pixels(self.config.stability_delta), pixels(-self.config.stability_delta));
        // A mask that is empty at both thresholds is stable.
        let stability = (&within / &around).where_self(&around.gt(0.0), &Tensor::from(1.0_f32));
        let best = all.ious.narrow(1, 1, MULTIMASK_OUTPUTS).argmax(1, true) + 1;
        best.masked_fill(&stability.ge(self.config.stability_threshold), 0)
    }
}

/// The row of each box's picture. All boxes see one picture without a copy.
fn of_each(encoded: &Tensor, rows: &Tensor) -> Tensor {
    if encoded.size()[0] == 1 {
        return encoded.expand([rows.size()[0], -1, -1, -1], false);
    }
    encoded.index_select(0, rows)
}

#[cfg(test)]
mod tests;
