//! Language encoder of SeqTR. The words' vectors, a GRU both ways, and of each channel the largest value.

use tch::nn::{self, RNN};
use tch::{Kind, Tensor};

use super::config::{PAD, SeqTrConfig};

/// The encoder of phrases.
#[derive(Debug)]
pub(super) struct Language {
    embedding: Tensor,
    gru: nn::GRU,
}

impl Language {
    pub(super) fn new(vs: &nn::Path, config: &SeqTrConfig) -> Self {
        let width = config.gru_width();
        let bound = 1.0 / (width as f64).sqrt();
        let within = nn::Init::Uniform { lo: -bound, up: bound };
        let gru = nn::RNNConfig {
            train: false,
            bidirectional: true,
            w_ih_init: within,
            w_hh_init: within,
            b_ih_init: Some(within),
            b_hh_init: Some(within),
            ..Default::default()
        };
        let shape = [config.vocabulary, config.word_width];
        Self {
            embedding: (vs / "embedding").var("weight", &shape, nn::Init::Randn { mean: 0.0, stdev: 1.0 }),
            gru: nn::gru(vs / "lstm", config.word_width, width, gru),
        }
    }

    /// In what the network computes.
    pub(super) fn kind(&self) -> Kind {
        self.embedding.kind()
    }

    /// `words` is `[B, max_words]`, filled up with [`PAD`] and with at least one word a row; the answer is
    /// `[B, channels]`.
    ///
    /// The backward direction reads the padding first, whose vector is that of the word PAD. So the answer depends on
    /// how far a row is filled up, which the published network always does to the same length.
    pub(super) fn forward(&self, words: &Tensor) -> Tensor {
        let vectors = Tensor::embedding(&self.embedding, words, -1, false, false);
        let (states, _) = self.gru.seq(&vectors);
        let padded = words.eq(i64::from(PAD)).unsqueeze(-1);
        states.masked_fill(&padded, f64::NEG_INFINITY).amax(1, false)
    }
}
