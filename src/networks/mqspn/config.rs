//! Dimensions of MQSPN.

use serde::{Deserialize, Serialize};

use crate::networks::blocks::bert::BertConfig;
use crate::networks::blocks::preset::{Preset, linear, norm};
use crate::networks::blocks::resnet::ResNet;

/// The dimensions, which a bundle's manifest gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqspnConfig {
    /// Pieces that the tokenizer knows.
    pub vocabulary: i64,
    /// Width of the vectors of pieces, patches, regions and queries.
    pub hidden: i64,
    /// Attention heads everywhere; they divide `hidden`.
    pub heads: i64,
    /// Blocks of the text's encoder.
    pub layers: i64,
    /// Width inside the feed-forward layers of text and queries.
    pub ffn: i64,
    /// Rows of the text's position table.
    pub max_positions: i64,
    /// The row that the first piece has: 0 in BERT, 2 in XLM-R.
    pub first_position: i64,
    /// Rows of the token type table, of which only the first is used; 0: there is none.
    pub type_vocabulary: i64,
    /// The piece that fills up shorter texts.
    pub pad: i64,
    /// Side of the square picture in pixels, a multiple of `patch_size`.
    pub image_size: i64,
    /// Side of a patch in pixels.
    pub patch_size: i64,
    /// Bottlenecks in each stage of the ResNet from whose cells patches are cut; none: they are cut from the pixels, as in
    /// CLIP.
    #[serde(default)]
    pub resnet_layers: Vec<i64>,
    /// Channels of the ResNet's first convolution; 0: there is no ResNet.
    #[serde(default)]
    pub resnet_width: i64,
    /// Blocks of the picture's encoder.
    pub vision_layers: i64,
    /// Width inside the feed-forward layers of the picture's encoder.
    pub vision_ffn: i64,
    /// The last blocks of both encoders in which text and picture see each other.
    pub fused_layers: i64,
    /// Entity types; the classes of a query are these and none.
    pub types: i64,
    /// Queries: the most entities that are found in a text.
    pub queries: i64,
    /// Blocks in which words, regions and queries see each other.
    pub fusion_layers: i64,
    /// A candidate region is seen in so many parts a side.
    pub region_bins: i64,
}

/// Dimensions that no network can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MqspnConfigError {
    /// A number is out of its range.
    #[error("MQSPN's `{key}` is {value}, which must be from {least} to {most}")]
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
    #[error("MQSPN's `{key}` is {value}, not a multiple of {of}")]
    NotMultiple {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// What it should be a multiple of.
        of: i64,
    },
}

impl Preset for MqspnConfig {
    /// The sizes of the authors' code: BERT-base that tells capitals apart, CLIP's ViT-B/32, 60 queries; text and picture see
    /// each other in the last four layers.
    const NAMES: &'static [&'static str] = &["mqspn-base"];

    fn preset(name: &str) -> Option<Self> {
        (name == "mqspn-base").then_some(Self {
            vocabulary: 28_996,
            hidden: 768,
            heads: 12,
            layers: 12,
            ffn: 3072,
            max_positions: 512,
            first_position: 0,
            type_vocabulary: 2,
            pad: 0,
            image_size: 224,
            patch_size: 32,
            resnet_layers: Vec::new(),
            resnet_width: 0,
            vision_layers: 12,
            vision_ffn: 3072,
            fused_layers: 4,
            types: 4,
            queries: 60,
            fusion_layers: 5,
            region_bins: 4,
        })
    }

    fn parameters(&self) -> u64 {
        let (text, width) = (self.text(), self.hidden);
        let picture_layer = 4 * linear(width, width)
            + linear(width, self.vision_ffn)
            + linear(self.vision_ffn, width)
            + 2 * norm(width);
        let cells = self.patch_cells();
        let patches = self.channels() * cells * cells * width;
        let trunk =
            if self.has_resnet() { ResNet::parameters(self.resnet_width, &self.resnet_layers) } else { 0 };
        let picture =
            trunk + patches + (2 + self.patches()) * width + norm(width) + self.vision_layers * picture_layer;
        let queries = (2 * self.queries + self.types) * width + 2 * norm(width);
        let regions = linear(self.region_bins * self.region_bins * width, width)
            + linear(PLACE_NUMBERS, width)
            + width
            + norm(width);
        let attention = text.attention_parameters(width);
        let text_layer = attention + text.feed_forward_parameters();
        let fusion = text_layer + picture_layer + 3 * attention + text.feed_forward_parameters();
        let pointer = 2 * linear(width, width) + linear(width, 1);
        let heads = 3 * pointer + linear(width, width) + linear(3 * width, 1 + self.types);
        let prefix = self.fused_layers * linear(width, self.ffn);
        (text.parameters() + picture + prefix + queries + regions + self.fusion_layers * fusion + heads)
            .unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
}

/// Numbers that say where a region is: its edges, and its sides.
pub(super) const PLACE_NUMBERS: i64 = 6;

impl MqspnConfig {
    /// Patches along a side of the picture.
    #[must_use]
    pub fn grid(&self) -> i64 {
        self.image_size / self.patch_size
    }

    /// Patches of the picture.
    #[must_use]
    pub fn patches(&self) -> i64 {
        self.grid() * self.grid()
    }

    /// Whether patches are cut from the cells of a ResNet.
    pub(super) fn has_resnet(&self) -> bool {
        !self.resnet_layers.is_empty()
    }

    /// Channels of what patches are cut from.
    pub(super) fn channels(&self) -> i64 {
        if self.has_resnet() { self.resnet_width << (self.resnet_layers.len() + 1) } else { 3 }
    }

    /// Side of a patch in cells of what it is cut from.
    pub(super) fn patch_cells(&self) -> i64 {
        self.patch_size / self.cell()
    }

    /// Side in pixels of a cell of what patches are cut from.
    fn cell(&self) -> i64 {
        if self.has_resnet() { 2 << self.resnet_layers.len() } else { 1 }
    }

    /// The longest text in pieces, both ends counted.
    #[must_use]
    pub fn max_pieces(&self) -> i64 {
        self.max_positions - self.first_position
    }

    /// Checks that a network can have these dimensions.
    ///
    /// # Errors
    /// Names the first dimension that is at fault.
    pub fn check(&self) -> Result<(), MqspnConfigError> {
        const MANY: i64 = 1 << 18; // far above every published size, far below what overflows in a product of three
        const FEW: i64 = 1 << 10; // the same for numbers that are squared or multiply a whole layer
        let stages = self.resnet_layers.len() as i64;
        let (least_width, widest) = if stages == 0 { (0, 0) } else { (1, FEW) };
        let fewest = self.resnet_layers.iter().copied().min().unwrap_or(1);
        let most = self.resnet_layers.iter().copied().max().unwrap_or(1);
        let ranges = [
            ("vocabulary", self.vocabulary, 2, MANY),
            ("heads", self.heads, 1, FEW),
            ("hidden", self.hidden, 1, 1 << 14),
            ("layers", self.layers, 1, FEW),
            ("ffn", self.ffn, 1, MANY),
            ("first_position", self.first_position, 0, FEW),
            ("max_positions", self.max_positions, self.first_position + 3, MANY),
            ("type_vocabulary", self.type_vocabulary, 0, MANY),
            ("pad", self.pad, 0, self.vocabulary - 1),
            ("patch_size", self.patch_size, 1, FEW),
            ("image_size", self.image_size, self.patch_size, 1 << 14),
            ("resnet_layers", stages, 0, 4),
            ("resnet_layers", fewest, 1, FEW),
            ("resnet_layers", most, 1, FEW),
            ("resnet_width", self.resnet_width, least_width, widest),
            ("vision_layers", self.vision_layers, 1, FEW),
            ("vision_ffn", self.vision_ffn, 1, MANY),
            ("fused_layers", self.fused_layers, 0, self.layers.min(self.vision_layers)),
            ("types", self.types, 1, FEW),
            ("queries", self.queries, 1, FEW),
            ("fusion_layers", self.fusion_layers, 1, FEW),
            ("region_bins", self.region_bins, 1, 32),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(MqspnConfigError::OutOfRange { key, value, least, most });
            }
        }
        let whole = [
            ("patch_size", self.patch_size, self.cell()),
            ("image_size", self.image_size, self.patch_size),
            ("hidden", self.hidden, self.heads),
        ];
        for (key, value, of) in whole {
            if value % of != 0 {
                return Err(MqspnConfigError::NotMultiple { key, value, of });
            }
        }
        Ok(())
    }

    /// The text's encoder; its layers are those of the queries too.
    pub(super) fn text(&self) -> BertConfig {
        BertConfig {
            vocabulary: self.vocabulary,
            hidden: self.hidden,
            layers: self.layers,
            heads: self.heads,
            ffn: self.ffn,
            max_positions: self.max_positions,
            first_position: self.first_position,
            type_vocabulary: self.type_vocabulary,
            layer_norm_eps: LAYER_NORM_EPS,
        }
    }
}

/// Added to the variance in the norms of text and queries: BERT has 1e-12 and XLM-R 1e-5; no state is as small as either.
const LAYER_NORM_EPS: f64 = 1e-5;
