//! What does each stage run? Its network, the files it needs, and how it is asked.

use serde::{Deserialize, Serialize};
use tch::Kind;

use crate::common::imaging::View;
use crate::networks::albef::AlbefConfig;
use crate::networks::blocks::preset::Preset;
use crate::networks::ofa::OfaConfig;
use crate::networks::sam::SamConfig;
use crate::networks::seqtr::SeqTrConfig;
use crate::networks::tagger::{CrfScope, TaggerConfig};
use crate::stages::prompt::CaptionStyle;
use crate::stages::recognise::TagScheme;

use super::blank::BEAM;
use super::dimensions::Dimensions;
use super::files::{FileEntry, Weights};

/// The tagger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// In what its network computes.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary, `tokenizer.json`; without one it can be measured, but not asked.
    pub tokenizer: Option<FileEntry>,
    /// How its labels mark entities.
    #[serde(default)]
    pub scheme: TagScheme,
    /// Over which words its field runs where it is told what is known of a text.
    #[serde(default)]
    pub crf: CrfScope,
    /// Its network.
    pub network: RecogniseNetwork,
    /// What it answered to the request of the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
}

/// The gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entail {
    /// What it is asked; `{phrase}` stands for the phrase.
    pub prompt: String,
    /// The probability of `yes` and `maybe` together from which a picture is taken to show the entity.
    pub threshold: f32,
    /// In what its network computes.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary, `tokenizer.json`; without one it can be measured, but not asked.
    pub tokenizer: Option<FileEntry>,
    /// Its network.
    pub network: EntailNetwork,
    /// What it answered to the request of the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
}

/// The grounder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// What it is asked; `{phrase}` stands for the phrase, and is all where the network reads words alone.
    pub prompt: String,
    /// Boxes that are followed at a time while one is decoded.
    #[serde(default = "authors_beam")]
    pub beam: usize,
    /// Whether an OFA follows location bins alone. The authors' code follows all tokens: then the likeliest answer that
    /// is a box counts, and where none of the beam is one, the likeliest of bins alone.
    #[serde(default = "bins_only")]
    pub bins_only: bool,
    /// In what its network computes.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary: `tokenizer.json`, or SeqTR's list of words, one a line; without one it can be measured, but not
    /// asked.
    pub tokenizer: Option<FileEntry>,
    /// Its network.
    pub network: GroundNetwork,
    /// What it answered to the request of the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
}

fn authors_beam() -> usize {
    BEAM
}

fn bins_only() -> bool {
    true
}

/// The segmenter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// In what its network computes.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its network.
    pub network: SegmentNetwork,
    /// What it answered to the request of the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
}

/// The networks that tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture")]
pub enum RecogniseNetwork {
    /// XLM-R with a linear-chain CRF.
    #[serde(rename = "xlm-roberta-crf")]
    XlmRobertaCrf(Dimensions<TaggerConfig>),
    /// BERT with a linear-chain CRF.
    #[serde(rename = "bert-crf")]
    BertCrf(Dimensions<TaggerConfig>),
}

/// The networks that say whether a picture shows a phrase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture")]
pub enum EntailNetwork {
    /// One for all: a ResNet trunk with an encoder and a decoder.
    #[serde(rename = "ofa")]
    Ofa(Dimensions<OfaConfig>),
    /// A vision transformer, and a BERT that looks at what it saw.
    #[serde(rename = "albef")]
    Albef(Dimensions<AlbefConfig>),
}

/// The networks that find a phrase in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture")]
pub enum GroundNetwork {
    /// One for all: a ResNet trunk with an encoder and a decoder.
    #[serde(rename = "ofa")]
    Ofa(Dimensions<OfaConfig>),
    /// A DarkNet trunk and a GRU, compared and decoded into a box, or into a contour.
    #[serde(rename = "seqtr")]
    SeqTr(Dimensions<SeqTrConfig>),
}

/// The networks that segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture")]
pub enum SegmentNetwork {
    /// Segment Anything with box prompts.
    #[serde(rename = "sam")]
    Sam(Dimensions<SamConfig>),
}

/// The widest beam that is served, twice the authors' own: each box more is a row more in every step of the decoder. A
/// network with few bins serves fewer, since one of its bins may be barred as a repetition.
const WIDEST_BEAM: usize = 10;

/// In what a network computes; files may hold another precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: what parity is proven in.
    #[default]
    F32,
    /// 16 bits with the range of 32: for GPUs and CPUs that multiply it.
    Bf16,
    /// 16 bits; values end at 65,504.
    F16,
}

impl Precision {
    /// As libtorch calls it.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::F16 => Kind::Half,
        }
    }
}

/// What a table says of a network, whichever it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What kind of network.
    pub architecture: &'static str,
    /// The published size that it is or was made from.
    pub preset: Option<String>,
    /// How many numbers it learns.
    pub parameters: u64,
    /// Why there can be no such network.
    pub fault: Option<String>,
}

pub(super) fn summary<C: Preset>(
    architecture: &'static str,
    dimensions: &Dimensions<C>,
    checked: Result<(), String>,
) -> Summary {
    // A formula over dimensions that make no network may overflow.
    let parameters = if checked.is_ok() { dimensions.config.parameters() } else { 0 };
    Summary { architecture, preset: dimensions.preset.clone(), parameters, fault: checked.err() }
}

impl RecogniseNetwork {
    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &TaggerConfig {
        match self {
            Self::XlmRobertaCrf(dimensions) | Self::BertCrf(dimensions) => &dimensions.config,
        }
    }

    /// What a table says of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (name, dimensions) = match self {
            Self::XlmRobertaCrf(dimensions) => ("xlm-roberta-crf", dimensions),
            Self::BertCrf(dimensions) => ("bert-crf", dimensions),
        };
        summary(name, dimensions, dimensions.config.check().map_err(|error| error.to_string()))
    }
}

impl EntailNetwork {
    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Ofa(dimensions) => View::squashed(dimensions.config.patch_image_size as u32),
            Self::Albef(dimensions) => View::squashed(dimensions.config.image_size as u32),
        }
    }

    /// Rows of its table of tokens, and the longest prompt in tokens.
    #[must_use]
    pub fn reads(&self) -> (i64, usize) {
        match self {
            Self::Ofa(dimensions) => (dimensions.config.vocabulary, dimensions.config.max_positions as usize),
            Self::Albef(dimensions) => {
                (dimensions.config.vocabulary, dimensions.config.max_positions as usize)
            }
        }
    }

    /// How phrases are cleaned for it.
    #[must_use]
    pub fn style(&self) -> CaptionStyle {
        match self {
            Self::Ofa(_) => CaptionStyle::Ofa,
            Self::Albef(_) => CaptionStyle::Albef,
        }
    }

    /// What a table says of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        match self {
            Self::Ofa(dimensions) => {
                summary("ofa", dimensions, dimensions.config.check().map_err(|error| error.to_string()))
            }
            Self::Albef(dimensions) => {
                summary("albef", dimensions, dimensions.config.check().map_err(|error| error.to_string()))
            }
        }
    }
}

impl GroundNetwork {
    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Ofa(dimensions) => View::squashed(dimensions.config.patch_image_size as u32),
            Self::SeqTr(dimensions) => View::longest_side(dimensions.config.image_size as u32),
        }
    }

    /// Rows of its table of tokens or words, and the longest prompt in them.
    #[must_use]
    pub fn reads(&self) -> (i64, usize) {
        match self {
            Self::Ofa(dimensions) => (dimensions.config.vocabulary, dimensions.config.max_positions as usize),
            Self::SeqTr(dimensions) => (dimensions.config.vocabulary, dimensions.config.max_words as usize),
        }
    }

    /// Whether it reads a phrase word by word from a list of words, and no questions.
    #[must_use]
    pub fn reads_words(&self) -> bool {
        matches!(self, Self::SeqTr(_))
    }

    /// Whether it draws outlines, which can stand for a segmenter's masks.
    #[must_use]
    pub fn draws_outlines(&self) -> bool {
        matches!(self, Self::SeqTr(dimensions) if dimensions.config.contour_points.is_some())
    }

    /// The most boxes that can be followed at a time.
    #[must_use]
    pub fn widest_beam(&self) -> usize {
        match self {
            Self::Ofa(dimensions) => {
                usize::try_from(dimensions.config.bins - 1).unwrap_or(0).min(WIDEST_BEAM)
            }
            Self::SeqTr(_) => 1,
        }
    }

    /// What a table says of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        match self {
            Self::Ofa(dimensions) => {
                summary("ofa", dimensions, dimensions.config.check().map_err(|error| error.to_string()))
            }
            Self::SeqTr(dimensions) => {
                summary("seqtr", dimensions, dimensions.config.check().map_err(|error| error.to_string()))
            }
        }
    }
}

impl SegmentNetwork {
    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &SamConfig {
        match self {
            Self::Sam(dimensions) => &dimensions.config,
        }
    }

    /// What a table says of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        match self {
            Self::Sam(dimensions) => {
                summary("sam", dimensions, dimensions.config.validate().map_err(|error| error.to_string()))
            }
        }
    }
}
