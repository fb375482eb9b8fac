//! Dimensions of Grounding DINO, and their check.

use serde::{Deserialize, Serialize};

use crate::networks::blocks::bert::BertConfig;

/// Side in pixels of one patch.
pub(super) const PATCH: i64 = 4;
/// Maps of different sizes that a picture becomes: of the last three stages of the trunk, and one of half that size.
pub(super) const LEVELS: i64 = 4;
/// Groups of channels that are normalised together behind the trunk.
pub(super) const GROUPS: i64 = 32;
/// Layer norms of the text tower.
const TEXT_EPSILON: f64 = 1e-12;

/// The dimensions, which a bundle's manifest gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroundingDinoConfig {
    /// Length in pixels to which the shorter side of pictures is scaled: 800 as published.
    pub shortest_side: i64,
    /// The most pixels of the longer side, for which the shorter is scaled further down: 1333 as published.
    pub longest_side: i64,
    /// Channels of the first stage of the trunk, a Swin Transformer; each further stage has twice as many.
    pub swin_width: i64,
    /// Blocks of the trunk's four stages.
    pub swin_depths: [i64; 4],
    /// Attention heads of the trunk's four stages.
    pub swin_heads: [i64; 4],
    /// Side in patches of the windows within which the trunk attends.
    pub swin_window: i64,
    /// Pieces that the tokenizer knows.
    pub vocabulary: i64,
    /// Pieces that end a phrase: begin and end of a text, the full stop and the question mark.
    pub delimiters: [i64; 4],
    /// Width of the text tower, a BERT.
    pub text_hidden: i64,
    /// Layers of the text tower.
    pub text_layers: i64,
    /// Attention heads of the text tower.
    pub text_heads: i64,
    /// Width inside the feed-forward layers of the text tower.
    pub text_ffn: i64,
    /// Rows of the position table of the text tower.
    pub max_positions: i64,
    /// Rows of the token type table, of which only the first is used.
    pub type_vocabulary: i64,
    /// Pieces that it reads of a prompt, both ends counted: 256 as published, and at most `max_positions`.
    pub max_text: i64,
    /// Width of encoder and decoder.
    pub d_model: i64,
    /// Width inside their feed-forward layers. Fusion attends in half of it.
    pub ffn: i64,
    /// Their attention heads. Fusion and the text within the encoder have half as many.
    pub heads: i64,
    /// Layers of the encoder.
    pub encoder_layers: i64,
    /// Layers of the decoder.
    pub decoder_layers: i64,
    /// Points of each map to which one head of deformable attention attends.
    pub points: i64,
    /// Boxes that the decoder refines: 900 as published.
    pub queries: i64,
}

/// Dimensions that no network can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroundingDinoConfigError {
    /// A number is out of its range.
    #[error("Grounding DINO's `{key}` is {value}, which must be from {least} to {most}")]
    OutOfRange {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// The least it may be.
        least: i64,
        /// The most it may be.
        most: i64,
    },
    /// A number must divide another.
    #[error("Grounding DINO's `{key}` is {value}, not a multiple of {of}")]
    NotMultiple {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// What it should be a multiple of.
        of: i64,
    },
}

impl GroundingDinoConfig {
    /// Channels of a stage of the trunk, counted from 0.
    #[must_use]
    pub fn swin_channels(&self, stage: usize) -> i64 {
        self.swin_width << stage
    }

    /// Width in which pictures and texts are fused.
    #[must_use]
    pub fn fusion_width(&self) -> i64 {
        self.ffn / 2
    }

    /// The text tower.
    pub(super) fn text(&self) -> BertConfig {
        BertConfig {
            vocabulary: self.vocabulary,
            hidden: self.text_hidden,
            layers: self.text_layers,
            heads: self.text_heads,
            ffn: self.text_ffn,
            max_positions: self.max_positions,
            first_position: 0,
            type_vocabulary: self.type_vocabulary,
            layer_norm_eps: TEXT_EPSILON,
        }
    }

    /// Checks that a network can have these dimensions.
    ///
    /// # Errors
    /// Names the first dimension that is at fault.
    pub fn check(&self) -> Result<(), GroundingDinoConfigError> {
        // Far above every published size, and far below what overflows in a product of three.
        const MANY: i64 = 1 << 18;
        // The same for what is multiplied further, and for counts of layers.
        const WIDE: i64 = 1 << 12;
        let ranges = [
            ("shortest_side", self.shortest_side, PATCH, 1 << 13),
            ("longest_side", self.longest_side, self.shortest_side, 1 << 14),
            ("swin_width", self.swin_width, 1, WIDE),
            ("swin_window", self.swin_window, 1, 64),
            ("vocabulary", self.vocabulary, 5, MANY),
            ("text_hidden", self.text_hidden, 1, WIDE),
            ("text_layers", self.text_layers, 0, WIDE),
            ("text_heads", self.text_heads, 1, WIDE),
            ("text_ffn", self.text_ffn, 1, MANY),
            ("max_positions", self.max_positions, self.max_text, MANY),
            ("type_vocabulary", self.type_vocabulary, 1, MANY),
            ("max_text", self.max_text, 4, WIDE),
            ("d_model", self.d_model, GROUPS, WIDE),
            ("ffn", self.ffn, 2, MANY),
            ("heads", self.heads, 2, WIDE),
            ("encoder_layers", self.encoder_layers, 0, WIDE),
            ("decoder_layers", self.decoder_layers, 1, WIDE),
            ("points", self.points, 1, 64),
            ("queries", self.queries, 1, MANY),
        ];
        let depths = self.swin_depths.iter().map(|&depth| ("swin_depths", depth, 1, WIDE));
        let heads = self.swin_heads.iter().map(|&heads| ("swin_heads", heads, 1, WIDE));
        let delimiters = self.delimiters.iter().map(|&id| ("delimiters", id, 0, self.vocabulary - 1));
        for (key, value, least, most) in ranges.into_iter().chain(depths).chain(heads).chain(delimiters) {
            if !(least..=most).contains(&value) {
                return Err(GroundingDinoConfigError::OutOfRange { key, value, least, most });
            }
        }
        let multiples = [
            ("text_hidden", self.text_hidden, self.text_heads),
            ("d_model", self.d_model, GROUPS),
            ("d_model", self.d_model, self.heads),
            ("heads", self.heads, 2),
            ("ffn", self.ffn, self.heads),
        ];
        let stages = (0..4).map(|stage| ("swin_width", self.swin_channels(stage), self.swin_heads[stage]));
        match multiples.into_iter().chain(stages).find(|&(_, value, of)| value % of != 0) {
            Some((key, value, of)) => Err(GroundingDinoConfigError::NotMultiple { key, value, of }),
            None => Ok(()),
        }
    }
}
