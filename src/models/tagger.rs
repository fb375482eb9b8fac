//! Which label has each word? XLM-R, one linear layer, a linear-chain CRF.
//!
//! The tagger of PGIM and RiVEG as AdaSeq lays it out: a word is represented by its first piece, and the parameters
//! carry the names of AdaSeq's checkpoints.

use serde::{Deserialize, Serialize};
use tch::nn::{self, Module};
use tch::{Device, Kind, TchError, Tensor};

use super::crf::{Chain, Crf};
use super::preset::{Preset, linear, norm};
use super::xlm_roberta::XlmRoberta;
use crate::recognise::{Reply, Request};
use crate::scheduler::{Cost, Model, ModelError};

/// The dimensions, which a bundle's manifest gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggerConfig {
    /// Pieces that the tokenizer knows.
    pub vocabulary: i64,
    /// Width of a piece's vector.
    pub hidden: i64,
    /// Encoder blocks.
    pub layers: i64,
    /// Attention heads; they divide `hidden`.
    pub heads: i64,
    /// Width inside the feed-forward layers.
    pub ffn: i64,
    /// Rows of the position table: the longest input plus `pad + 1`.
    pub max_positions: i64,
    /// Rows of the token type table; only the first is used.
    pub type_vocabulary: i64,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// The id of padding; positions are counted from the next number.
    pub pad: i64,
    /// Labels of a word: 1 and 4 for each entity type.
    pub labels: i64,
}

/// A dimension that no network can have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TaggerConfigError {
    /// A number is too small.
    #[error("the tagger's `{key}` is {value}, which must be at least {least}")]
    TooSmall {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// What it may be.
        least: i64,
    },
    /// The heads do not divide the width.
    #[error("the tagger's `heads` ({heads}) do not divide its `hidden` ({hidden})")]
    Heads {
        /// How many heads.
        heads: i64,
        /// Which width.
        hidden: i64,
    },
}

impl TaggerConfig {
    /// Checks that a network can have these dimensions.
    ///
    /// # Errors
    /// Names the first dimension that is at fault.
    pub fn check(&self) -> Result<(), TaggerConfigError> {
        let least = [
            ("vocabulary", self.vocabulary, 1),
            ("hidden", self.hidden, 1),
            ("layers", self.layers, 0),
            ("heads", self.heads, 1),
            ("ffn", self.ffn, 1),
            ("pad", self.pad, 0),
            ("max_positions", self.max_positions, self.pad.saturating_add(3)),
            ("type_vocabulary", self.type_vocabulary, 1),
            ("labels", self.labels, 1),
        ];
        for (key, value, least) in least {
            if value < least {
                return Err(TaggerConfigError::TooSmall { key, value, least });
            }
        }
        if self.hidden % self.heads != 0 {
            return Err(TaggerConfigError::Heads { heads: self.heads, hidden: self.hidden });
        }
        Ok(())
    }

    /// The most pieces of one input, special tokens counted: the positions before `pad + 1` are never used.
    #[must_use]
    pub fn max_pieces(&self) -> usize {
        usize::try_from(self.max_positions - self.pad - 1).unwrap_or(0)
    }
}

impl Preset for TaggerConfig {
    const NAMES: &'static [&'static str] = &["xlm-roberta-base", "xlm-roberta-large"];

    fn preset(name: &str) -> Option<Self> {
        let (hidden, layers, heads) = match name {
            "xlm-roberta-base" => (768, 12, 12),
            "xlm-roberta-large" => (1024, 24, 16),
            _ => return None,
        };
        Some(Self {
            vocabulary: 250_002,
            hidden,
            layers,
            heads,
            ffn: 4 * hidden,
            max_positions: 514,
            type_vocabulary: 1,
            layer_norm_eps: 1e-5,
            pad: 1,
            labels: 17,
        })
    }

    fn parameters(&self) -> u64 {
        let (hidden, labels) = (self.hidden, self.labels);
        let tables = (self.vocabulary + self.max_positions + self.type_vocabulary) * hidden;
        let feed_forward = linear(hidden, self.ffn) + linear(self.ffn, hidden);
        let block = 4 * linear(hidden, hidden) + 2 * norm(hidden) + feed_forward;
        let field = linear(hidden, labels) + labels * labels + 2 * labels;
        (tables + norm(hidden) + self.layers * block + field).unsigned_abs()
    }
}

/// The network.
#[derive(Debug)]
pub struct Tagger {
    encoder: XlmRoberta,
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
            encoder: XlmRoberta::new(&(vs / "embedder" / "transformer_model"), &config),
            linear: nn::linear(vs / "linear", config.hidden, config.labels, Default::default()),
            crf: Crf::new(&(vs / "crf"), config.labels),
            device: vs.device(),
            config,
        }
    }

    /// The score of each label for each word, `[B, W, labels]`.
    ///
    /// `pieces` is `[B, L]` of `Int64`; `mask` is `[B, L]` of `Bool`, true where there is a piece; `first_pieces` is
    /// `[B, W]` of `Int64`, where in its row each word begins (anything in range past a row's last word). `dropout` is
    /// the probability of dropping a number while training, 0 otherwise.
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

/// The tagger as the scheduler runs it.
#[derive(Debug)]
pub struct ServedTagger {
    tagger: Tagger,
    chain: Chain,
}

impl ServedTagger {
    /// Serves a network whose parameters have been loaded: the CRF's are copied out here.
    #[must_use]
    pub fn new(tagger: Tagger) -> Self {
        Self { chain: tagger.crf.chain(), tagger }
    }

    /// Says which request no network of these dimensions can read, before the device sees it.
    fn check(&self, request: &Request) -> Result<(), ModelError> {
        let config = &self.tagger.config;
        let refuse =
            |why: String| Err(ModelError::Failed(format!("the tagger cannot read its input: {why}")));
        let length = request.pieces.len();
        if length == 0 || length > config.max_pieces() {
            return refuse(format!("{length} pieces, where 1 to {} fit", config.max_pieces()));
        }
        if let Some(id) = request.pieces.iter().find(|&&id| i64::from(id) >= config.vocabulary) {
            return refuse(format!("piece {id} is not among the {} of its vocabulary", config.vocabulary));
        }
        if let Some(index) = request.first_pieces.iter().find(|&&index| index as usize >= length) {
            return refuse(format!("a word begins at piece {index} of {length}"));
        }
        Ok(())
    }

    fn emissions(&self, batch: &[Request]) -> Result<Vec<f32>, TchError> {
        let _no_grad = tch::no_grad_guard();
        let rows = batch.len() as i64;
        let pieces = padded(batch.iter().map(|request| &request.pieces), self.tagger.config.pad);
        let first_pieces = padded(batch.iter().map(|request| &request.first_pieces), 0);
        let lengths: Vec<i64> = batch.iter().map(|request| request.pieces.len() as i64).collect();

        let device = self.tagger.device;
        let pieces = Tensor::f_from_slice(&pieces)?.f_view([rows, -1])?.f_to_device(device)?;
        let first_pieces = Tensor::f_from_slice(&first_pieces)?.f_view([rows, -1])?.f_to_device(device)?;
        let lengths = Tensor::f_from_slice(&lengths)?.f_unsqueeze(1)?.f_to_device(device)?;
        let mask = Tensor::f_arange(pieces.size()[1], (Kind::Int64, device))?.f_lt_tensor(&lengths)?;
        let emissions = self.tagger.emissions(&pieces, &mask, &first_pieces, 0.0);
        Vec::try_from(
            &emissions.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?,
        )
    }
}

impl Model for ServedTagger {
    type Request = Request;
    type Reply = Reply;

    /// Pieces.
    fn cost(request: &Request) -> Cost {
        Cost(u32::try_from(request.pieces.len()).unwrap_or(u32::MAX))
    }

    fn run(&mut self, batch: &[Request]) -> Result<Vec<Reply>, ModelError> {
        batch.iter().try_for_each(|request| self.check(request))?;
        let words = batch.iter().map(|request| request.first_pieces.len()).max().unwrap_or(0);
        if words == 0 {
            return Ok(batch.iter().map(|_| Reply { labels: Vec::new(), posteriors: Vec::new() }).collect());
        }
        let emissions = self.emissions(batch).map_err(|error| ModelError::from_message(error.to_string()))?;
        let labels = self.tagger.config.labels as usize;
        let rows = emissions.chunks_exact(words * labels);
        batch
            .iter()
            .zip(rows)
            .map(|(request, row)| reply(&self.chain, &row[..request.first_pieces.len() * labels], labels))
            .collect()
    }
}

fn reply(chain: &Chain, emissions: &[f32], labels: usize) -> Result<Reply, ModelError> {
    if emissions.iter().any(|emission| !emission.is_finite()) {
        return Err(ModelError::Failed("the tagger's scores are not finite".to_owned()));
    }
    let best = chain.best(emissions);
    let posteriors = chain.posteriors(emissions);
    let posteriors =
        best.iter().zip(posteriors.chunks_exact(labels)).map(|(&label, word)| word[label]).collect();
    Ok(Reply { labels: best, posteriors })
}

/// The rows one after the other, each filled up to the longest.
fn padded<'a>(rows: impl Iterator<Item = &'a Vec<u32>> + Clone, filler: i64) -> Vec<i64> {
    let width = rows.clone().map(Vec::len).max().unwrap_or(0);
    rows.flat_map(|row| {
        let filling = std::iter::repeat_n(filler, width - row.len());
        row.iter().map(|&id| i64::from(id)).chain(filling)
    })
    .collect()
}
