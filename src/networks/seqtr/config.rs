//! Dimensions of SeqTR.

use serde::{Deserialize, Serialize};

use crate::networks::blocks::preset::Preset;

/// The id of padding, which no word has.
pub const PAD: u32 = 0;
/// Rows of the table of words that no phrase's word has: padding, what is not known, and one that is never used.
const SPECIAL_WORDS: i64 = 3;

/// Pixels that a side shrinks by on its way through the trunk to one cell.
pub(super) const CELL: i64 = 32;
/// Left, top, right, bottom.
pub(super) const COORDINATES: i64 = 4;

/// The dimensions, which a bundle's manifest gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeqTrConfig {
    /// Words that it knows, the three special ones counted.
    pub vocabulary: i64,
    /// Width of a word's vector: 300 in GloVe.
    pub word_width: i64,
    /// Words that it reads of a phrase: 15 as published for RefCOCO, 20 for RefCOCOg, 30 in RiVEG.
    pub max_words: i64,
    /// Side in pixels of the square that pictures are laid into, a multiple of 32: 640 as published.
    pub image_size: i64,
    /// Channels of the trunk's first convolution: 32 in DarkNet-53. What picture and phrase are compared in is 32
    /// times as wide, and so are the two directions of the GRU together.
    pub darknet_width: i64,
    /// Blocks in the five stages of the trunk: 1, 2, 8, 8, 4 in DarkNet-53.
    pub darknet_blocks: [i64; 5],
    /// Width of the transformer.
    pub d_model: i64,
    /// Width inside its feed-forward layers.
    pub ffn: i64,
    /// Attention heads; they divide `d_model`.
    pub heads: i64,
    /// Groups of channels that are normalised together before the transformer; they divide `d_model`.
    pub groups: i64,
    /// Blocks of the encoder.
    pub encoder_layers: i64,
    /// Blocks of the decoder.
    pub decoder_layers: i64,
    /// Bins along a side: 1000 as published. The next token after the bins is the end.
    pub bins: i64,
    /// The most points of a contour: 18 as published for RefCOCO, 12 for RefCOCO+ and RefCOCOg. Without it the
    /// answers are boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contour_points: Option<i64>,
}

/// Dimensions that no network can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeqTrConfigError {
    /// A number is out of its range.
    #[error("SeqTR's `{key}` is {value}, which must be from {least} to {most}")]
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
    #[error("SeqTR's `{key}` is {value}, not a multiple of {of}")]
    NotMultiple {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// What it should be a multiple of.
        of: i64,
    },
}

impl Preset for SeqTrConfig {
    /// The networks that the authors publish for RefCOCO: the first gives boxes, the second contours; and that of RiVEG's
    /// authors, which reads twice as many words.
    const NAMES: &'static [&'static str] = &["seqtr-refcoco", "seqtr-refcoco-contour", "seqtr-riveg"];

    /// The vocabulary has the size that the table of their checkpoint has (issue 35 of `seanzhuh/SeqTR`).
    fn preset(name: &str) -> Option<Self> {
        let contour_points = match name {
            "seqtr-refcoco" | "seqtr-riveg" => None,
            "seqtr-refcoco-contour" => Some(18),
            _ => return None,
        };
        Some(Self {
            vocabulary: 10_344,
            word_width: 300,
            max_words: if name == "seqtr-riveg" { 30 } else { 15 },
            image_size: 640,
            darknet_width: 32,
            darknet_blocks: [1, 2, 8, 8, 4],
            d_model: 256,
            ffn: 1024,
            heads: 8,
            groups: 32,
            encoder_layers: 6,
            decoder_layers: 3,
            bins: 1000,
            contour_points,
        })
    }

    fn parameters(&self) -> u64 {
        let vision = self.trunk_parameters() + self.fusion_parameters();
        (vision + self.language_parameters() + self.head_parameters()).unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
}

impl SeqTrConfig {
    /// Channels of the trunk's deepest map, and of a phrase's vector.
    #[must_use]
    pub fn channels(&self) -> i64 {
        32 * self.darknet_width
    }

    /// Width of one direction of the GRU.
    #[must_use]
    pub fn gru_width(&self) -> i64 {
        self.channels() / 2
    }

    /// Cells along a side of the square.
    #[must_use]
    pub fn grid(&self) -> i64 {
        self.image_size / CELL
    }

    /// Tokens of the longest answer: the four edges of a box, or a contour's points and the end.
    #[must_use]
    pub fn longest_answer(&self) -> i64 {
        self.contour_points.map_or(COORDINATES, |points| 2 * points + 1)
    }

    /// Rows of the table of an answer's positions. That for boxes has one row for the end, of which training asks.
    #[must_use]
    pub fn answer_positions(&self) -> i64 {
        self.contour_points.map_or(COORDINATES + 1, |points| 2 * points + 1)
    }

    /// Checks that a network can have these dimensions.
    ///
    /// # Errors
    /// Names the first dimension that is at fault.
    pub fn check(&self) -> Result<(), SeqTrConfigError> {
        const MANY: i64 = 1 << 24; // far above every published size, far below what overflows in a product of two
        const WIDE: i64 = 1 << 16; // the same for the trunk, of whose width products of three are taken
        let blocks = self.darknet_blocks.map(|blocks| ("darknet_blocks", blocks, 1, WIDE));
        let ranges = [
            ("vocabulary", self.vocabulary, SPECIAL_WORDS, MANY),
            ("word_width", self.word_width, 1, MANY),
            ("max_words", self.max_words, 1, MANY),
            ("image_size", self.image_size, CELL, WIDE),
            ("darknet_width", self.darknet_width, 1, WIDE),
            ("d_model", self.d_model, 1, MANY),
            ("ffn", self.ffn, 1, MANY),
            ("heads", self.heads, 1, MANY),
            ("groups", self.groups, 1, MANY),
            ("encoder_layers", self.encoder_layers, 0, MANY),
            ("decoder_layers", self.decoder_layers, 1, MANY),
            ("bins", self.bins, 2, MANY),
            // A contour of fewer than three points encloses nothing.
            ("contour_points", self.contour_points.unwrap_or(3), 3, MANY),
        ];
        for (key, value, least, most) in ranges.into_iter().chain(blocks) {
            if !(least..=most).contains(&value) {
                return Err(SeqTrConfigError::OutOfRange { key, value, least, most });
            }
        }
        let multiples = [
            ("image_size", self.image_size, CELL),
            // A cell's row and its column have half the width each, half of it sines and half cosines.
            ("d_model", self.d_model, 4),
            ("d_model", self.d_model, self.heads),
            ("d_model", self.d_model, self.groups),
        ];
        for (key, value, of) in multiples {
            if value % of != 0 {
                return Err(SeqTrConfigError::NotMultiple { key, value, of });
            }
        }
        Ok(())
    }

    fn trunk_parameters(&self) -> i64 {
        let block = |width: i64| conv_norm(width, width / 2, 1) + conv_norm(width / 2, width, 3);
        let stages = self.darknet_blocks.iter().zip(0u32..).map(|(blocks, stage)| {
            let from = self.darknet_width << stage;
            conv_norm(from, 2 * from, 3) + blocks * block(2 * from)
        });
        conv_norm(3, self.darknet_width, 3) + stages.sum::<i64>() + 3 * block(self.channels())
    }

    fn fusion_parameters(&self) -> i64 {
        let [fine, middle, coarse] = [8, 16, 32].map(|times| times * self.darknet_width);
        let all = fine + middle + coarse;
        conv_norm(fine, fine, 3)
            + conv_norm(fine + middle, fine + middle, 3)
            + conv_norm(all, all, 3)
            + conv_norm(all, coarse, 1)
    }

    fn language_parameters(&self) -> i64 {
        let width = self.gru_width();
        let direction = 3 * width * (self.word_width + width + 2);
        self.vocabulary * self.word_width + 2 * direction
    }

    fn head_parameters(&self) -> i64 {
        let (width, tokens) = (self.d_model, self.bins + 1);
        let linear = |from: i64, to: i64| (from + 1) * to;
        let norm = 2 * width;
        let attention = 4 * linear(width, width);
        let feed_forward = linear(width, self.ffn) + linear(self.ffn, width);
        linear(self.channels(), width)
            + norm
            + self.encoder_layers * (attention + feed_forward + 2 * norm)
            + self.decoder_layers * (2 * attention + feed_forward + 3 * norm)
            + norm
            + (tokens + self.answer_positions()) * width
            + 2 * linear(width, width)
            + linear(width, tokens)
    }
}

/// A convolution without a bias, and the gain and the bias of its norm.
fn conv_norm(from: i64, to: i64, kernel: i64) -> i64 {
    from * to * kernel * kernel + 2 * to
}
