//! Dimensions of UMT.

use serde::{Deserialize, Serialize};

use crate::networks::blocks::bert::BertConfig;
use crate::networks::blocks::preset::{Preset, linear};
use crate::networks::blocks::resnet::ResNet;

/// Pixels that a side shrinks by on its way through the trunk to one cell.
const CELL: i64 = 32;

/// The dimensions, which a bundle's manifest gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UmtConfig {
    /// Pieces that the tokenizer knows.
    pub vocabulary: i64,
    /// Width of a piece's vector; what is said of a post is twice as wide.
    pub hidden: i64,
    /// Blocks of the text's encoder, of which each attention across has one more.
    pub layers: i64,
    /// Attention heads; they divide `hidden`.
    pub heads: i64,
    /// Width inside the feed-forward layers.
    pub ffn: i64,
    /// Rows of the position table.
    pub max_positions: i64,
    /// Pieces that it reads of a text, both ends counted: 128 as published, and at most `max_positions`.
    pub max_pieces: i64,
    /// Rows of the token type table, of which only the first is used.
    pub type_vocabulary: i64,
    /// Side of the square picture in pixels, a multiple of 32: 224 as published.
    pub image_size: i64,
    /// Bottlenecks in the four stages of the trunk: 3, 8, 36, 3 in ResNet-152.
    pub resnet_layers: [i64; 4],
    /// Channels of the trunk's first convolution: 64 in ResNet-152. A cell has 32 times as many.
    pub resnet_width: i64,
}

/// Dimensions that no network can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UmtConfigError {
    /// A number is out of its range.
    #[error("UMT's `{key}` is {value}, which must be from {least} to {most}")]
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
    #[error("UMT's `{key}` is {value}, not a multiple of {of}")]
    NotMultiple {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// What it should be a multiple of.
        of: i64,
    },
}

impl Preset for UmtConfig {
    /// BERT-base that tells capitals apart and ResNet-152, as the authors train them.
    const NAMES: &'static [&'static str] = &["umt-base-resnet152"];

    fn preset(name: &str) -> Option<Self> {
        (name == "umt-base-resnet152").then_some(Self {
            vocabulary: 28_996,
            hidden: 768,
            layers: 12,
            heads: 12,
            ffn: 3072,
            max_positions: 512,
            max_pieces: 128,
            type_vocabulary: 2,
            image_size: 224,
            resnet_layers: [3, 8, 36, 3],
            resnet_width: 64,
        })
    }

    fn parameters(&self) -> u64 {
        let (text, hidden) = (self.text(), self.hidden);
        let layer = text.attention_parameters(hidden) + text.feed_forward_parameters();
        let fusion = 4 * layer + 2 * linear(self.channels(), hidden) + linear(2 * hidden, hidden);
        let trunk = ResNet::parameters(self.resnet_width, &self.resnet_layers);
        (text.parameters() + fusion + trunk).unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
}

impl UmtConfig {
    /// Channels of a cell of the picture.
    #[must_use]
    pub fn channels(&self) -> i64 {
        CELL * self.resnet_width
    }

    /// Cells of the picture: 49 as published.
    #[must_use]
    pub fn cells(&self) -> i64 {
        let grid = self.image_size / CELL;
        grid * grid
    }

    /// Checks that a network can have these dimensions.
    ///
    /// # Errors
    /// Names the first dimension that is at fault.
    pub fn check(&self) -> Result<(), UmtConfigError> {
        const MANY: i64 = 1 << 18; // far above every published size, far below what overflows in a product of three
        const WIDE: i64 = 1 << 14; // the same for the trunk, of whose width larger multiples are multiplied
        let blocks = self.resnet_layers.map(|blocks| ("resnet_layers", blocks, 1, WIDE));
        let ranges = [
            ("vocabulary", self.vocabulary, 2, MANY),
            ("hidden", self.hidden, 1, MANY),
            ("layers", self.layers, 0, MANY),
            ("heads", self.heads, 1, MANY),
            ("ffn", self.ffn, 1, MANY),
            ("max_positions", self.max_positions, 2, MANY),
            ("max_pieces", self.max_pieces, 2, self.max_positions),
            ("type_vocabulary", self.type_vocabulary, 0, MANY),
            ("image_size", self.image_size, CELL, WIDE),
            ("resnet_width", self.resnet_width, 1, WIDE),
        ];
        for (key, value, least, most) in ranges.into_iter().chain(blocks) {
            if !(least..=most).contains(&value) {
                return Err(UmtConfigError::OutOfRange { key, value, least, most });
            }
        }
        for (key, value, of) in [("image_size", self.image_size, CELL), ("hidden", self.hidden, self.heads)] {
            if value % of != 0 {
                return Err(UmtConfigError::NotMultiple { key, value, of });
            }
        }
        Ok(())
    }

    pub(super) fn text(&self) -> BertConfig {
        BertConfig {
            vocabulary: self.vocabulary,
            hidden: self.hidden,
            layers: self.layers,
            heads: self.heads,
            ffn: self.ffn,
            max_positions: self.max_positions,
            first_position: 0,
            type_vocabulary: self.type_vocabulary,
            layer_norm_eps: 1e-12,
        }
    }
}
