//! Tagger: XLM-R or BERT, one linear layer, a linear-chain CRF.
//!
//! The tagger of PGIM and RiVEG as AdaSeq lays it out: a word is represented by its first piece, and the parameters
//! carry the names of AdaSeq's checkpoints.

mod config;
mod descriptor;
mod names;
mod serve;

use tch::nn::{self, Module};
use tch::{Device, Tensor};

pub use config::{Positions, TaggerConfig, TaggerConfigError};
pub use descriptor::{BERT_CRF, XLM_ROBERTA_CRF};
pub use names::{ADASEQ, TEXT_ENCODER};
pub use serve::ServedTagger;

use crate::networks::blocks::bert::Bert;
use crate::networks::blocks::crf::Crf;

/// The network.
#[derive(Debug)]
pub struct Tagger {
    encoder: Bert,
    linear: nn::Linear,
    /// The field over the labels.
    pub crf: Crf,
    config: TaggerConfig,
    device: Device,
}

impl Tagger {
    /// Registers the parameters under `vs` by the names of AdaSeq's checkpoints, with fresh values.
    ///
    /// # Panics
    /// Where [`TaggerConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: TaggerConfig) -> Self {
        Self {
            encoder: Bert::new(&(vs / "embedder" / "transformer_model"), &config.encoder()),
            linear: nn::linear(vs / "linear", config.hidden, config.labels, Default::default()),
            crf: Crf::new(&(vs / "crf"), config.labels),
            device: vs.device(),
            config,
        }
    }

    /// The score of each label for each word, `[B, W, labels]`.
    ///
    /// `pieces` is `[B, L]` of `Int64`; `mask` is `[B, L]` of `Bool`, true where there is a piece, and those of a row
    /// come first; `first_pieces` is `[B, W]` of `Int64`, where in its row each word begins (anything in range past a
    /// row's last word). `dropout` is the probability of dropping a number while training, 0 otherwise.
    pub fn emissions(&self, pieces: &Tensor, mask: &Tensor, first_pieces: &Tensor, dropout: f64) -> Tensor {
        let hidden = self.encoder.forward(pieces, mask, dropout);
        let index = first_pieces.unsqueeze(2).expand([-1, -1, self.config.hidden], false);
        self.linear.forward(&hidden.gather(1, &index, false))
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &TaggerConfig {
        &self.config
    }
}
