//! Grounding DINO: a text's phrases found in a picture, with a box and a score for each.
//!
//! After Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object Detection" (arXiv
//! 2303.05499), with the parameter names of the checkpoints that IDEA-Research publishes for transformers.
//!
//! A picture goes through [`swin`] and becomes cells of four maps; a prompt goes through BERT and becomes words. The
//! [`encoder`] fuses both, and the [`decoder`] refines the boxes of the cells that fit the words best. A picture goes
//! through alone and so does a prompt, so that nothing that is filled up can change an answer.

use tch::nn;
use tch::{Device, Kind, Tensor};

mod answers;
mod authors;
mod config;
mod decoder;
mod deformable;
mod descriptor;
mod encoder;
mod fusion;
mod import;
mod layers;
mod levels;
mod names;
mod presets;
mod prompt;
mod reader;
mod serve;
mod swin;
#[cfg(test)]
mod tests;
mod windows;

use config::{GROUPS, LEVELS};
use decoder::Decoder;
use encoder::Encoder;
use swin::Swin;

use crate::networks::blocks::bert::Bert;
use crate::networks::blocks::layers::linear;

pub use authors::GROUNDING_DINO_ORIGINAL;
pub use config::{GroundingDinoConfig, GroundingDinoConfigError};
pub use decoder::{Detected, Proposals};
pub use descriptor::{ENTAIL, GROUND};
pub use encoder::{Encoded, Seen};
pub use levels::Levels;
pub use names::GROUNDING_DINO;
pub use prompt::Prompt;
pub use serve::{GroundingDinoEntailer, GroundingDinoGrounder};

/// What ImageNet's pixels are on average, 0 to 255, and how far they deviate.
const MEAN: [f64; 3] = [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0];
const DEVIATION: [f64; 3] = [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0];

/// The network.
#[derive(Debug)]
pub struct GroundingDino {
    swin: Swin,
    projections: Vec<(nn::Conv2D, nn::GroupNorm)>,
    levels: Tensor,
    bert: Bert,
    text_projection: nn::Linear,
    encoder: Encoder,
    decoder: Decoder,
    config: GroundingDinoConfig,
}

impl GroundingDino {
    /// Registers the parameters under `vs` by their published names, with fresh values.
    #[must_use]
    pub fn new(vs: &nn::Path<'_>, config: &GroundingDinoConfig) -> Self {
        let (model, width) = (vs / "model", config.d_model);
        let projections = &model / "input_proj_vision";
        // The last map is made of the coarsest of the trunk's by a convolution that halves it.
        let projection = |level: i64| {
            let (stage, kernel, stride) = if level < 3 { (level as usize + 1, 1, 1) } else { (3, 3, 2) };
            let settings = nn::ConvConfig { stride, padding: kernel / 2, ..Default::default() };
            let path = &projections / level;
            (
                nn::conv2d(&path / 0, config.swin_channels(stage), width, kernel, settings),
                nn::group_norm(&path / 1, GROUPS, width, Default::default()),
            )
        };
        let init = nn::Init::Randn { mean: 0.0, stdev: 1.0 };
        Self {
            swin: Swin::new(&(&model / "backbone" / "conv_encoder" / "model"), config),
            projections: (0..LEVELS).map(projection).collect(),
            levels: model.var("level_embed", &[LEVELS, width], init),
            bert: Bert::new(&(&model / "text_backbone"), &config.text()),
            text_projection: linear(&(&model / "text_projection"), config.text_hidden, width),
            encoder: Encoder::new(&(&model / "encoder"), config),
            decoder: Decoder::new(vs, &model, config),
            config: config.clone(),
        }
    }

    /// Its dimensions.
    #[must_use]
    pub fn config(&self) -> &GroundingDinoConfig {
        &self.config
    }

    /// Where it computes, and in which precision.
    pub(super) fn place(&self) -> (Kind, Device) {
        (self.levels.kind(), self.levels.device())
    }

    /// Pixels as the network was taught them, `[1, 3, H, W]`, of levels `[H, W, 3]` of `Uint8`.
    pub fn pixels(&self, levels: &Tensor) -> Tensor {
        let (kind, device) = self.place();
        let numbers = |numbers: &[f64]| Tensor::from_slice(numbers).to_kind(Kind::Float).to_device(device);
        let levels = levels.to_device(device).to_kind(Kind::Float);
        let pixels = (levels - numbers(&MEAN)) / numbers(&DEVIATION);
        pixels.permute([2, 0, 1]).unsqueeze(0).to_kind(kind).contiguous()
    }

    /// The cells of a picture's four maps, one after the other, `[cells, d]`, of pixels `[1, 3, H, W]`.
    pub fn cells(&self, pixels: &Tensor) -> Tensor {
        let maps = self.swin.forward(pixels);
        let channels_first = |map: &Tensor| map.permute([2, 0, 1]).unsqueeze(0).contiguous();
        let maps: Vec<Tensor> = maps.iter().map(channels_first).collect();
        let sources = maps.iter().chain(maps.last());
        let cells = sources.zip(&self.projections).map(|(map, (conv, norm))| {
            map.apply(conv).apply(norm).squeeze_dim(0).flatten(1, 2).transpose(0, 1)
        });
        Tensor::cat(&cells.collect::<Vec<_>>(), 0)
    }

    /// A picture of `[cells, d]` and of that size in pixels, ready to be asked about.
    #[must_use]
    pub fn see(&self, cells: Tensor, (height, width): (i64, i64)) -> Seen {
        let levels = Levels::of(height, width);
        let (kind, device) = self.place();
        let places = levels.places(&self.levels.to_kind(Kind::Float)).to_kind(kind);
        Seen { cells, levels, places, middles: levels.middles(device) }
    }

    /// The words of a prompt, `[L, d]`.
    pub fn words(&self, prompt: &Prompt) -> Tensor {
        let Prompt { pieces, open, places } = prompt;
        let hidden = self.bert.forward_placed(
            &pieces.unsqueeze(0),
            &places.unsqueeze(0),
            &open.view([1, 1, -1, open.size()[0]]),
        );
        hidden.squeeze_dim(0).apply(&self.text_projection)
    }

    /// Picture and words, each read with the other.
    #[must_use]
    pub fn encode(&self, seen: &Seen, words: &Tensor, prompt: &Prompt) -> Encoded {
        self.encode_first(usize::MAX, seen, words, prompt)
    }

    /// The same after the first layers alone.
    #[must_use]
    pub fn encode_first(&self, layers: usize, seen: &Seen, words: &Tensor, prompt: &Prompt) -> Encoded {
        self.encoder.forward(layers, seen, words, prompt)
    }

    /// The boxes with which the decoder begins.
    #[must_use]
    pub fn propose(&self, seen: &Seen, encoded: &Encoded) -> Proposals {
        self.decoder.propose(seen, encoded)
    }

    /// The boxes with which it ends, and how well they fit each word.
    #[must_use]
    pub fn decode(&self, seen: &Seen, encoded: &Encoded, proposals: &Proposals) -> Detected {
        self.decoder.forward(seen, encoded, proposals)
    }

    /// All of it for one prompt about one picture.
    #[must_use]
    pub fn detect(&self, seen: &Seen, prompt: &Prompt) -> Detected {
        let encoded = self.encode(seen, &self.words(prompt), prompt);
        self.decode(seen, &encoded, &self.propose(seen, &encoded))
    }
}
