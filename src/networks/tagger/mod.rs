//! Tagger: an encoder and one linear layer, whose scores a linear-chain CRF or a softmax turns into labels.
//!
//! The encoder is BERT's, which is also that of RoBERTa, XLM-R, BERTweet and DistilBERT, or DeBERTa's. With a CRF it is the
//! tagger of PGIM and RiVEG as AdaSeq lays it out: a word is represented by its first piece, and the parameters carry the
//! names of AdaSeq's checkpoints. With a softmax it is the token classification of Hugging Face's Transformers.

mod config;
mod descriptor;
mod import;
mod names;
mod presets;
mod serve;

use tch::nn::{self, Module};
use tch::{Device, Tensor};

pub use config::{Positions, SoftmaxConfig, TaggerConfig, TaggerConfigError};
pub use descriptor::{
    BERT_CRF, BERT_SOFTMAX, DEBERTA_SOFTMAX, DISTILBERT_SOFTMAX, ROBERTA_SOFTMAX, XLM_ROBERTA_CRF,
};
pub use names::{ADASEQ, BARE_ENCODER, BERT, DEBERTA, DISTILBERT, MODELSCOPE, RANER, ROBERTA};
pub use serve::{ServedTagger, WordDecoding};

use crate::networks::blocks::bert::Bert;
use crate::networks::blocks::crf::Crf;
use crate::networks::blocks::deberta::Deberta;

/// Scores of labels: the encoder and the linear layer.
#[derive(Debug)]
pub struct TokenClassifier {
    encoder: Encoder,
    linear: nn::Linear,
    config: TaggerConfig,
    device: Device,
}

#[derive(Debug)]
enum Encoder {
    Bert(Box<Bert>),
    Deberta(Box<Deberta>),
}

impl TokenClassifier {
    /// Registers the parameters under `vs` by the names of AdaSeq's checkpoints, with fresh values.
    ///
    /// # Panics
    /// Where [`TaggerConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: TaggerConfig) -> Self {
        let path = vs / "embedder" / "transformer_model";
        let encoder = match config.deberta() {
            Some(deberta) => Encoder::Deberta(Box::new(Deberta::new(&path, &deberta))),
            None => Encoder::Bert(Box::new(Bert::new(&path, &config.encoder()))),
        };
        let linear = nn::linear(vs / "linear", config.hidden, config.labels, Default::default());
        Self { encoder, linear, device: vs.device(), config }
    }

    /// The score of each label for some pieces of each row, `[B, W, labels]`.
    ///
    /// `pieces` is `[B, L]` of `Int64`; `mask` is `[B, L]` of `Bool`, true where there is a piece, and those of a row
    /// come first; `chosen` is `[B, W]` of `Int64`: the pieces, such as the first of each word (anything in range past a
    /// row's last). `dropout` is the probability of dropping a number while training, 0 otherwise.
    pub fn emissions(&self, pieces: &Tensor, mask: &Tensor, chosen: &Tensor, dropout: f64) -> Tensor {
        let hidden = match &self.encoder {
            Encoder::Bert(bert) => bert.forward(pieces, mask, dropout),
            // It is not trained here.
            Encoder::Deberta(deberta) => deberta.forward(pieces, mask),
        };
        let index = chosen.unsqueeze(2).expand([-1, -1, self.config.hidden], false);
        self.linear.forward(&hidden.gather(1, &index, false))
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &TaggerConfig {
        &self.config
    }
}

/// The network with a CRF.
#[derive(Debug)]
pub struct Tagger {
    classifier: TokenClassifier,
    /// The field over the labels.
    pub crf: Crf,
}

impl Tagger {
    /// Registers the parameters under `vs` by the names of AdaSeq's checkpoints, with fresh values.
    ///
    /// # Panics
    /// Where [`TaggerConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: TaggerConfig) -> Self {
        let labels = config.labels;
        Self { classifier: TokenClassifier::new(vs, config), crf: Crf::new(&(vs / "crf"), labels) }
    }

    /// The score of each label for each word, `[B, W, labels]`, from [`TokenClassifier::emissions`] of its first piece.
    pub fn emissions(&self, pieces: &Tensor, mask: &Tensor, first_pieces: &Tensor, dropout: f64) -> Tensor {
        self.classifier.emissions(pieces, mask, first_pieces, dropout)
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &TaggerConfig {
        self.classifier.config()
    }
}
