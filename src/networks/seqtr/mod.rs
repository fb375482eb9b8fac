//! SeqTR, which answers with places alone: a box in four tokens, or a contour point by point.
//!
//! Zhu et al., "SeqTR: A Simple yet Universal Network for Visual Grounding" (2022), in the form with DarkNet-53, GloVe
//! and a GRU. Parameters have the names of the authors' checkpoints; [`is_redundant`] says which of theirs have no
//! counterpart here.
//!
//! The convolutions see what lies beside the picture in its batch, and so does the norm before the transformer: the
//! published network's answer depends on how large the other pictures of the batch are. Here every picture lies in the
//! full square, as it does there in a batch with a picture of each orientation, so that a batch answers as its members
//! would alone.

mod attention;
mod config;
mod darknet;
mod decode;
mod descriptor;
mod fusion;
mod import;
mod language;
mod names;
mod positions;
mod reader;
mod serve;
mod transformer;

use tch::nn;
use tch::{Device, Kind, Tensor};

pub use config::{PAD, SeqTrConfig, SeqTrConfigError};
pub use decode::Sequence;
pub use descriptor::GROUND;
pub use positions::Cells;
pub use serve::SeqTrGrounder;
pub use transformer::Encoded;

use darknet::DarkNet;
use fusion::Fusion;
use language::Language;
use transformer::Transformer;

/// The network.
#[derive(Debug)]
pub struct SeqTr {
    trunk: DarkNet,
    language: Language,
    fusion: Fusion,
    transformer: Transformer,
    config: SeqTrConfig,
    device: Device,
}

impl SeqTr {
    /// Registers the parameters under `vs` by the names of the authors' checkpoints, with fresh values.
    ///
    /// # Panics
    /// Where [`SeqTrConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: &SeqTrConfig) -> Self {
        Self {
            trunk: DarkNet::new(&(vs / "vis_enc" / "darknet"), config),
            language: Language::new(&(vs / "lan_enc"), config),
            fusion: Fusion::new(&(vs / "fusion"), config),
            transformer: Transformer::new(&(vs / "head"), config),
            config: config.clone(),
            device: vs.device(),
        }
    }

    /// One picture's bytes, `[height, width, 3]` in 0 to 255 and no side longer than the network's, as the network
    /// reads them: `[3, S, S]`, not normalised, then zeros to the right and below. On the device of the bytes.
    pub fn pixels(&self, rgb: &Tensor) -> Tensor {
        let (height, width, side) = (rgb.size()[0], rgb.size()[1], self.config.image_size);
        let levels = rgb.permute([2, 0, 1]).to_kind(Kind::Float);
        levels.constant_pad_nd([0, side - width, 0, side - height])
    }

    /// The trunk's maps of `pixels` `[B, 3, S, S]`, 8, 16 and 32 pixels to a cell, the widths as many times the
    /// trunk's first. Levels up to 255 are exact in every precision that the network may compute in.
    pub fn maps(&self, pixels: &Tensor) -> [Tensor; 3] {
        self.trunk.forward(&pixels.to_kind(self.language.kind()))
    }

    /// What the picture's cells show, whatever will be asked: `[B, channels, grid, grid]` of -1 to 1, from what
    /// [`SeqTr::maps`] gives.
    pub fn picture(&self, maps: &[Tensor; 3]) -> Tensor {
        self.fusion.picture(maps)
    }

    /// What phrases ask for, `[B, channels]`. `words` is `[B, max_words]` of `Int64`, every row filled up with [`PAD`]
    /// and none without a word.
    pub fn phrase(&self, words: &Tensor) -> Tensor {
        self.language.forward(words)
    }

    /// Pictures and phrases in one, `[B, channels, grid, grid]`: `pictures` as [`SeqTr::picture`] gives them, a row for
    /// each phrase, and `phrases` as [`SeqTr::phrase`] does.
    pub fn fuse(&self, pictures: &Tensor, phrases: &Tensor) -> Tensor {
        Fusion::forward(pictures, phrases)
    }

    /// Reads what [`SeqTr::fuse`] gives, of which each row's picture fills so many cells.
    pub fn encode(&self, fused: &Tensor, cells: &[Cells]) -> Encoded {
        self.transformer.encode(fused, cells)
    }

    /// The logits of each token of answers, those of the token after `prefix` `[B, T]` last: `[B, T + 1, bins + 1]`.
    /// The last token is the end.
    pub fn logits(&self, encoded: &Encoded, prefix: &Tensor) -> Tensor {
        let mut past = self.transformer.begin(encoded);
        let mut steps = vec![self.transformer.step(&mut past, None)];
        for column in 0..prefix.size()[1] {
            steps.push(self.transformer.step(&mut past, Some(&prefix.select(1, column))));
        }
        Tensor::stack(&steps, 1)
    }

    /// Ends training: what depends on the trunk's and the fusion's parameters alone is computed once, so later changes
    /// of theirs go unseen. Call it after loading.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.trunk.freeze();
        self.fusion.freeze();
        self
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &SeqTrConfig {
        &self.config
    }
}

/// Whether a published checkpoint's tensor has no counterpart here, and may be left out: batch norms count the batches
/// that they have seen, which nothing reads.
#[must_use]
pub fn is_redundant(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}

#[cfg(test)]
mod tests;
