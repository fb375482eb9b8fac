//! Dimensions of the tagger. A bundle's manifest gives them; those of published encoders have names.

use serde::{Deserialize, Serialize};

use crate::networks::blocks::bert::BertConfig;
use crate::networks::blocks::preset::{Preset, linear};

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
    /// Rows of the position table: the longest input, and the rows that are never used.
    pub max_positions: i64,
    /// From where positions are counted.
    #[serde(default)]
    pub positions: Positions,
    /// Rows of the token type table; only the first is used.
    pub type_vocabulary: i64,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// The id of padding.
    pub pad: i64,
    /// Labels of a word: 1, and for each entity type 4 (BIOES) or 2 (BIO).
    pub labels: i64,
}

/// From where positions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// From the number after the id of padding, as XLM-R does.
    #[default]
    AfterPadding,
    /// From 0, as BERT does.
    FromZero,
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

/// Width, blocks, heads and inner width of the two published sizes.
const BASE: [i64; 4] = [768, 12, 12, 3072];
const LARGE: [i64; 4] = [1024, 24, 16, 4096];

/// Labels of RiVEG's taggers: four entity types in BIOES.
const LABELS: i64 = 17;

impl Preset for TaggerConfig {
    /// Encoders as their authors published them.
    const NAMES: &'static [&'static str] = &[
        "xlm-roberta-base",
        "xlm-roberta-large",
        "bert-base-cased",
        "bert-large-cased",
        "bert-base-uncased",
        "bert-large-uncased",
    ];

    /// With 17 labels.
    fn preset(name: &str) -> Option<Self> {
        const CASED: i64 = 28_996;
        const UNCASED: i64 = 30_522;
        Some(match name {
            "xlm-roberta-base" => Self::xlm_roberta(BASE),
            "xlm-roberta-large" => Self::xlm_roberta(LARGE),
            "bert-base-cased" => Self::bert(BASE, CASED),
            "bert-large-cased" => Self::bert(LARGE, CASED),
            "bert-base-uncased" => Self::bert(BASE, UNCASED),
            "bert-large-uncased" => Self::bert(LARGE, UNCASED),
            _ => return None,
        })
    }

    fn parameters(&self) -> u64 {
        let field = (self.labels + 2) * self.labels;
        (self.encoder().parameters() + linear(self.hidden, self.labels) + field).unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
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
            ("max_positions", self.max_positions, self.first_position().saturating_add(2)),
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

    /// The most pieces of one input, special tokens counted: positions before the first are never used.
    #[must_use]
    pub fn max_pieces(&self) -> usize {
        usize::try_from(self.max_positions.saturating_sub(self.first_position())).unwrap_or(0)
    }

    pub(super) fn encoder(&self) -> BertConfig {
        BertConfig {
            vocabulary: self.vocabulary,
            hidden: self.hidden,
            layers: self.layers,
            heads: self.heads,
            ffn: self.ffn,
            max_positions: self.max_positions,
            first_position: self.first_position(),
            type_vocabulary: self.type_vocabulary,
            layer_norm_eps: self.layer_norm_eps,
        }
    }

    fn first_position(&self) -> i64 {
        match self.positions {
            Positions::AfterPadding => self.pad.saturating_add(1),
            Positions::FromZero => 0,
        }
    }

    fn xlm_roberta([hidden, layers, heads, ffn]: [i64; 4]) -> Self {
        Self {
            vocabulary: 250_002,
            hidden,
            layers,
            heads,
            ffn,
            max_positions: 514,
            positions: Positions::AfterPadding,
            type_vocabulary: 1,
            layer_norm_eps: 1e-5,
            pad: 1,
            labels: LABELS,
        }
    }

    fn bert([hidden, layers, heads, ffn]: [i64; 4], vocabulary: i64) -> Self {
        Self {
            vocabulary,
            hidden,
            layers,
            heads,
            ffn,
            max_positions: 512,
            positions: Positions::FromZero,
            type_vocabulary: 2,
            layer_norm_eps: 1e-12,
            pad: 0,
            labels: LABELS,
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::VarStore;

    use super::super::Tagger;
    use super::*;

    #[test]
    fn published_encoders_have_the_parameters_that_transformers_counts() {
        // `sum(p.numel() for p in model.parameters())` of `XLMRobertaModel` and `BertModel` without pooling layer.
        let published = [
            ("xlm-roberta-base", 277_453_056, 512),
            ("xlm-roberta-large", 558_840_832, 512),
            ("bert-base-cased", 107_719_680, 512),
            ("bert-large-cased", 332_529_664, 512),
            ("bert-base-uncased", 108_891_648, 512),
            ("bert-large-uncased", 334_092_288, 512),
        ];
        assert_eq!(published.map(|(name, _, _)| name), TaggerConfig::NAMES);
        for (name, encoder, pieces) in published {
            let config = TaggerConfig::preset(name).unwrap();
            assert_eq!(config.check(), Ok(()), "{name}");
            assert_eq!(config.max_pieces(), pieces, "{name}");
            let head = (config.hidden as u64 + 1) * 17 + 17 * 17 + 2 * 17;
            assert_eq!(config.parameters(), encoder + head, "{name}");
        }
        assert_eq!(TaggerConfig::preset("xlm-roberta-huge"), None);
    }

    #[test]
    fn a_network_has_the_parameters_that_its_dimensions_say() {
        for preset in ["xlm-roberta-base", "bert-base-cased"] {
            let published = TaggerConfig::preset(preset).unwrap();
            let tiny = TaggerConfig { vocabulary: 23, hidden: 12, layers: 3, heads: 2, ffn: 20, ..published };
            let store = VarStore::new(Device::Cpu);
            let _tagger = Tagger::new(&store.root(), tiny.clone());
            let counted: usize = store.variables().values().map(tch::Tensor::numel).sum();
            assert_eq!(tiny.parameters(), counted as u64, "{preset}");
        }
    }

    #[test]
    fn a_manifest_that_does_not_count_positions_means_xlm_r() {
        let written = "vocabulary = 250002\nhidden = 768\nlayers = 12\nheads = 12\nffn = 3072\n\
            max_positions = 514\ntype_vocabulary = 1\nlayer_norm_eps = 1e-5\npad = 1\nlabels = 17\n";
        let read: TaggerConfig = toml::from_str(written).unwrap();
        assert_eq!(Some(read), TaggerConfig::preset("xlm-roberta-base"));
        for name in TaggerConfig::NAMES {
            let config = TaggerConfig::preset(name).unwrap();
            let written = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<TaggerConfig>(&written), Ok(config));
        }
        assert!(toml::from_str::<TaggerConfig>(&format!("{written}position = 1\n")).is_err());
    }
}
