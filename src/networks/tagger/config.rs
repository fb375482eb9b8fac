//! Dimensions of the tagger, which a bundle's manifest gives.

use serde::{Deserialize, Serialize};

use crate::networks::blocks::bert::BertConfig;
use crate::networks::blocks::deberta::DebertaConfig;
use crate::networks::blocks::preset::linear;

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
    /// Rows of the position table: the longest input, and the rows that are never used. A DeBERTa has no table, and this
    /// is the longest input.
    pub max_positions: i64,
    /// From where positions are counted.
    #[serde(default)]
    pub positions: Positions,
    /// Rows of the token type table, of which only the first is used; 0: there is no table.
    pub type_vocabulary: i64,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// The id of padding.
    pub pad: i64,
    /// Labels of a word: 1, and for each entity type 4 (BIOES) or 2 (BIO); or as many as a table has.
    pub labels: i64,
    /// Distances to either side that have vectors (`position_buckets`), which makes the encoder a DeBERTa; 0: a BERT.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub span: i64,
    /// Width of the convolution beside the first layer of a DeBERTa (`conv_kernel_size`); 0: there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub convolution: i64,
}

/// The dimensions of a tagger with a softmax, which are those of a tagger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SoftmaxConfig(pub TaggerConfig);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
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
    /// Distances cannot share vectors.
    #[error(
        "the tagger's `span` is {span}, which must be at least 4 and below twice its `max_positions` ({longest}) less 2"
    )]
    Span {
        /// Distances with vectors.
        span: i64,
        /// The longest input.
        longest: i64,
    },
    /// The convolution has no middle, or the encoder is no DeBERTa.
    #[error("the tagger's `convolution` is {width}, which must be odd, and of a DeBERTa (with a `span`)")]
    Convolution {
        /// Its width.
        width: i64,
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
            ("max_positions", self.max_positions, self.first_position().saturating_add(2)),
            ("type_vocabulary", self.type_vocabulary, 0),
            ("labels", self.labels, 1),
            ("span", self.span, 0),
            ("convolution", self.convolution, 0),
        ];
        for (key, value, least) in least {
            if value < least {
                return Err(TaggerConfigError::TooSmall { key, value, least });
            }
        }
        if self.hidden % self.heads != 0 {
            return Err(TaggerConfigError::Heads { heads: self.heads, hidden: self.hidden });
        }
        // Half of the span is exact, and the rest is shared up to the longest input.
        let room = self.span == 0 || (self.span >= 4 && self.max_positions > self.span / 2 + 1);
        if !room {
            return Err(TaggerConfigError::Span { span: self.span, longest: self.max_positions });
        }
        if self.convolution > 0 && (self.span == 0 || self.convolution % 2 == 0) {
            return Err(TaggerConfigError::Convolution { width: self.convolution });
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

    /// The dimensions of the DeBERTa, if it is one.
    pub(super) fn deberta(&self) -> Option<DebertaConfig> {
        let (bert, span, convolution) = (self.encoder(), self.span, self.convolution);
        (span > 0).then_some(DebertaConfig { bert, span, convolution })
    }

    /// Parameters of the encoder and the linear layer.
    pub(super) fn parameters_without_field(&self) -> u64 {
        let encoder = match self.deberta() {
            Some(deberta) => deberta.parameters(),
            None => self.encoder().parameters(),
        };
        (encoder + linear(self.hidden, self.labels)).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::blocks::preset::Preset;

    #[test]
    fn a_manifest_that_does_not_count_positions_means_xlm_r() {
        let written = "vocabulary = 250002\nhidden = 768\nlayers = 12\nheads = 12\nffn = 3072\n\
            max_positions = 514\ntype_vocabulary = 1\nlayer_norm_eps = 1e-5\npad = 1\nlabels = 17\n";
        let read: TaggerConfig = toml::from_str(written).unwrap();
        assert_eq!(Some(read), TaggerConfig::preset("xlm-roberta-base"));
        for name in SoftmaxConfig::NAMES {
            let config = SoftmaxConfig::preset(name).unwrap();
            let written = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<SoftmaxConfig>(&written), Ok(config));
        }
        assert!(toml::from_str::<TaggerConfig>(&format!("{written}position = 1\n")).is_err());
    }

    #[test]
    fn distances_that_cannot_share_vectors_are_refused() {
        let fault = |change: fn(&mut TaggerConfig)| {
            let SoftmaxConfig(mut config) = SoftmaxConfig::preset("deberta-v3-base").unwrap();
            change(&mut config);
            config.fault().unwrap_or_default()
        };
        assert_eq!(fault(|_| ()), "");
        assert!(fault(|config| config.span = 3).contains("`span` is 3, which must be at least 4"));
        assert!(fault(|config| config.max_positions = 129).contains("`max_positions` (129)"));
        assert!(fault(|config| config.convolution = 2).contains("`convolution` is 2, which must be odd"));
        assert!(fault(|config| config.span = -1).contains("`span` is -1"));
    }
}
