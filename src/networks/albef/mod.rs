//! ALBEF, fine-tuned for visual entailment: contradiction, neutral or entailment of a sentence by a picture.
//!
//! Li et al., "Align before Fuse" (arXiv 2107.07651): a vision transformer sees the picture, BERT reads the sentence
//! and looks at what was seen, a small head reads the first piece. Parameters have the names of the authors'
//! checkpoints; [`is_redundant`] says which of theirs have no counterpart here.

mod config;
mod descriptor;
mod fusion;
mod import;
mod names;
mod serve;
mod vit;

use tch::nn;
use tch::{Device, Kind, Tensor};

pub use config::{AlbefConfig, AlbefConfigError, PAD};
pub use descriptor::ENTAIL;
pub use names::ALBEF;
pub use serve::AlbefEntailer;

use fusion::FusionEncoder;
use vit::VisionTransformer;

/// Mean and standard deviation of red, green and blue in CLIP's pictures, of levels from 0 to 1.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// The network.
#[derive(Debug)]
pub struct Albef {
    visual_encoder: VisionTransformer,
    text_encoder: FusionEncoder,
    head: [nn::Linear; 2],
    /// `[1, 3, 1, 1]` each.
    normalisation: [Tensor; 2],
    config: AlbefConfig,
    device: Device,
}

impl Albef {
    /// Registers the parameters under `vs` by the names of the authors' checkpoints, with fresh values.
    ///
    /// # Panics
    /// Where [`AlbefConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: &AlbefConfig) -> Self {
        let head = vs / "cls_head";
        let hidden = config.hidden;
        let channels = |values: &[f32]| Tensor::from_slice(values).view([1, 3, 1, 1]).to_device(vs.device());
        Self {
            visual_encoder: VisionTransformer::new(&(vs / "visual_encoder"), config),
            text_encoder: FusionEncoder::new(&(vs / "text_encoder"), config),
            head: [
                nn::linear(&head / 0, hidden, hidden, Default::default()),
                nn::linear(&head / 2, hidden, config::CLASSES, Default::default()),
            ],
            normalisation: [channels(&MEAN), channels(&DEVIATION)],
            config: config.clone(),
            device: vs.device(),
        }
    }

    /// Pixels as the network was taught them: `levels` `[B, 3, S, S]` from 0 to 255, whatever their kind.
    pub fn pixels(&self, levels: &Tensor) -> Tensor {
        let [mean, deviation] = &self.normalisation;
        (levels.to_kind(Kind::Float) / 255.0 - mean) / deviation
    }

    /// What the picture shows, whatever will be asked: `[B, image tokens, vision width]` for [`Albef::pixels`].
    pub fn see(&self, pixels: &Tensor) -> Tensor {
        self.visual_encoder.forward(pixels)
    }

    /// The logits of contradiction, neutral and entailment, `[B, 3]`.
    ///
    /// `tokens` is `[B, L]` of `Int64`, from `[CLS]` to `[SEP]`; `mask` is `[B, L]` of `Bool`, true where there is a
    /// token, and those of a row come first; `seen` is `[D, n, vision width]` as [`Albef::see`] gives it, a row for
    /// each distinct picture, and `rows` is `[B]` of `Int64`: which of them each prompt is about.
    pub fn logits(&self, tokens: &Tensor, mask: &Tensor, seen: &Tensor, rows: &Tensor) -> Tensor {
        let states = self.text_encoder.forward(tokens, mask, seen, rows);
        states.select(1, 0).apply(&self.head[0]).relu().apply(&self.head[1])
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &AlbefConfig {
        &self.config
    }
}

/// Whether a published checkpoint's tensor has no counterpart here, and may be left out: the momentum copies of
/// training, and what counts positions.
#[must_use]
pub fn is_redundant(name: &str) -> bool {
    const MOMENTUM: [&str; 3] = ["visual_encoder_m.", "text_encoder_m.", "cls_head_m."];
    MOMENTUM.iter().any(|copy| name.starts_with(copy)) || name == "text_encoder.embeddings.position_ids"
}
