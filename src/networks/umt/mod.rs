//! UMT, which reads a text and a picture together: the encoder alone, by which similar posts are found.
//!
//! Yu et al., "Improving Multimodal Named Entity Recognition via Entity Span Detection with Unified Multimodal
//! Transformer" (ACL 2020): BERT reads the text, a ResNet sees the picture, and three layers of attention across let
//! words look at cells, cells at words, and words at cells that have looked at words; a gate says how much of the
//! picture each word takes. Parameters have the names of the authors' two checkpoints, those of the ResNet begin with
//! `resnet`; [`is_redundant`] says which of theirs have no counterpart here, which is all that tags.
//!
//! The authors cut their pictures at random, evaluation included, so one post has many answers. Here the picture is the
//! middle square, scaled to the network's side, and a post has one. How the pieces' vectors become one vector of the
//! post is not said by those who compare posts by it (PGIM, RiVEG): here it is their mean, of all pieces that are no
//! filling, at length 1.

mod config;
mod descriptor;
mod fusion;
mod serve;

use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

pub use config::{UmtConfig, UmtConfigError};
pub use descriptor::RETRIEVE;
pub use serve::UmtEncoder;

use crate::networks::blocks::bert::{Bert, open_to_all};
use crate::networks::blocks::resnet::ResNet;
use fusion::Layer;

/// Mean and standard deviation of red, green and blue in ImageNet's pictures, of levels from 0 to 1.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// The network.
#[derive(Debug)]
pub struct Umt {
    trunk: ResNet,
    bert: Bert,
    read_on: Layer,
    /// What words look at, and what looks at words.
    cells: [nn::Linear; 2],
    words_at_cells: Layer,
    cells_at_words: Layer,
    words_at_words: Layer,
    gate: nn::Linear,
    /// `[1, 3, 1, 1]` each.
    normalisation: [Tensor; 2],
    config: UmtConfig,
    device: Device,
}

impl Umt {
    /// Registers the parameters under `vs` by the names of the authors' checkpoints, with fresh values.
    ///
    /// # Panics
    /// Where [`UmtConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: &UmtConfig) -> Self {
        let (text, hidden) = (config.text(), config.hidden);
        let layer = |name: &str| Layer::new(&(vs / name / "layer" / 0), &text);
        let cells = |name: &str| nn::linear(vs / name, config.channels(), hidden, Default::default());
        let levels = |values: &[f32]| Tensor::from_slice(values).view([1, 3, 1, 1]).to_device(vs.device());
        Self {
            trunk: ResNet::new(&(vs / "resnet"), config.resnet_width, &config.resnet_layers),
            bert: Bert::new(&(vs / "bert"), &text),
            read_on: layer("self_attention_v2"),
            cells: [cells("vismap2text"), cells("vismap2text_v2")],
            words_at_cells: layer("txt2img_attention"),
            cells_at_words: layer("img2txt_attention"),
            words_at_words: layer("txt2txt_attention"),
            gate: nn::linear(vs / "gate", 2 * hidden, hidden, Default::default()),
            normalisation: [levels(&MEAN), levels(&DEVIATION)],
            config: config.clone(),
            device: vs.device(),
        }
    }

    /// Pixels as the network was taught them: `levels` `[B, 3, S, S]` from 0 to 255, whatever their kind.
    pub fn pixels(&self, levels: &Tensor) -> Tensor {
        let [mean, deviation] = &self.normalisation;
        (levels.to_kind(Kind::Float) / 255.0 - mean) / deviation
    }

    /// What the picture's cells show, whatever the text says: `[B, cells, channels]` for [`Umt::pixels`]. In training
    /// the norms use the batch's own mean and variance.
    pub fn see(&self, pixels: &Tensor, train: bool) -> Tensor {
        self.trunk.forward(&pixels.to_kind(self.gate.ws.kind()), train)
    }

    /// Text and picture in one, `[B, L, 2 * hidden]`: what each piece says in its text, then what the picture adds.
    ///
    /// `pieces` is `[B, L]` of `Int64`, both ends counted; `mask` is `[B, L]` of `Bool`, true where there is a piece, and
    /// those of a row come first; `seen` is `[B, cells, channels]` as [`Umt::see`] gives it. `dropout` is 0 outside
    /// training.
    pub fn fuse(&self, pieces: &Tensor, mask: &Tensor, seen: &Tensor, dropout: f64) -> Tensor {
        let said = self.bert.forward(pieces, mask, dropout).dropout(dropout, dropout > 0.0);
        let open = open_to_all(mask);
        let words = self.read_on.forward(&said, &said, Some(&open), dropout);
        let [looked_at, looking] = self.cells.each_ref().map(|linear| linear.forward(seen));
        let pictured = self.words_at_cells.forward(&words, &looked_at, None, dropout);
        let cells = self.cells_at_words.forward(&looking, &words, Some(&open), dropout);
        let told = self.words_at_words.forward(&words, &cells, None, dropout);
        let gate = self.gate.forward(&Tensor::cat(&[&told, &pictured], -1)).sigmoid();
        Tensor::cat(&[told, gate * pictured], -1)
    }

    /// One vector of length 1 for each row, `[B, 2 * hidden]` of `Float`: the mean of what [`Umt::fuse`] gives where
    /// there is a piece.
    pub fn pooled(fused: &Tensor, mask: &Tensor) -> Tensor {
        let held = mask.unsqueeze(-1).to_kind(Kind::Float);
        // Rows are scaled to one length, so their sum is as good as their mean.
        let sum = (fused.to_kind(Kind::Float) * held).sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
        let length = sum.square().sum_dim_intlist([-1_i64].as_slice(), true, Kind::Float).sqrt();
        sum / length.clamp_min(f64::from(f32::MIN_POSITIVE))
    }

    /// Ends training: what depends on the trunk's parameters alone is computed once, so later changes of theirs go
    /// unseen. Call it after loading.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.trunk.freeze();
        self
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &UmtConfig {
        &self.config
    }
}

/// Whether a tensor of the authors' checkpoints has no counterpart here, and may be left out: what detects spans and
/// what tags, the classifiers of BERT and of the ResNet, and counts of batches.
#[must_use]
pub fn is_redundant(name: &str) -> bool {
    const TAGS: [&str; 7] = [
        "self_attention.",
        "classifier.",
        "aux_classifier.",
        "crf.",
        "aux_crf.",
        "bert.pooler.",
        "resnet.fc.",
    ];
    TAGS.iter().any(|part| name.starts_with(part)) || name.ends_with(".num_batches_tracked")
}

#[cfg(test)]
mod tests;
