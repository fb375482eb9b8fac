//! Dimensions of OFA.

use serde::{Deserialize, Serialize};

/// The id of `<s>`, with which prompts and answers begin.
pub const BEGIN: i64 = 0;
/// The id of padding.
pub const PAD: i64 = 1;
/// The id of `</s>`, with which prompts and answers end.
pub const END: i64 = 2;

/// The longest text for which OFA's distance buckets are defined; its tables mean nothing beyond.
pub(super) const LONGEST_TEXT: i64 = 1024;

/// The dimensions, which a bundle's manifest gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfaConfig {
    /// Tokens of the vocabulary, location bins among them.
    pub vocabulary: i64,
    /// Width of a token's vector.
    pub d_model: i64,
    /// Width inside the feed-forward layers.
    pub ffn: i64,
    /// Attention heads; they divide `d_model`.
    pub heads: i64,
    /// Blocks of the encoder.
    pub encoder_layers: i64,
    /// Blocks of the decoder.
    pub decoder_layers: i64,
    /// Bottlenecks in the three stages of the picture's trunk: 3, 8, 36 in ResNet-152.
    pub resnet_layers: [i64; 3],
    /// Channels of the trunk's first convolution: 64 at published sizes. The trunk gives 16 times as many.
    pub resnet_width: i64,
    /// Distances between text tokens are told apart up to this many buckets: 256 as published.
    pub token_bucket: i64,
    /// The widest grid of picture tokens that the tables hold: 42 as published.
    pub image_bucket: i64,
    /// The longest text, in tokens.
    pub max_positions: i64,
    /// Side of the square picture in pixels, a multiple of 16.
    pub patch_image_size: i64,
    /// The id of the first location bin.
    pub first_bin: i64,
    /// Location bins along a side: 1000 as published.
    pub bins: i64,
    /// The ids of the answers no, yes and maybe.
    pub answers: [i64; 3],
}

/// Dimensions that no network can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfaConfigError {
    /// A number is out of its range.
    #[error("OFA's `{key}` is {value}, which must be from {least} to {most}")]
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
    #[error("OFA's `{key}` is {value}, not a multiple of {of}")]
    NotMultiple {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// What it should be a multiple of.
        of: i64,
    },
}

impl OfaConfig {
    /// Channels of the trunk's output.
    #[must_use]
    pub fn trunk_channels(&self) -> i64 {
        16 * self.resnet_width
    }

    /// Picture tokens along a side: the trunk shrinks 16 times.
    #[must_use]
    pub fn grid(&self) -> i64 {
        self.patch_image_size / 16
    }

    /// Picture tokens in all.
    #[must_use]
    pub fn image_tokens(&self) -> i64 {
        self.grid() * self.grid()
    }

    /// Checks that a network can have these dimensions.
    ///
    /// # Errors
    /// Names the first dimension that is at fault.
    pub fn check(&self) -> Result<(), OfaConfigError> {
        const MANY: i64 = 1 << 24; // far above every published size, far below what overflows in a product of two
        let ranges = [
            ("vocabulary", self.vocabulary, END + 2, MANY),
            ("d_model", self.d_model, 1, MANY),
            ("ffn", self.ffn, 1, MANY),
            ("heads", self.heads, 1, MANY),
            ("encoder_layers", self.encoder_layers, 0, MANY),
            ("decoder_layers", self.decoder_layers, 1, MANY),
            ("resnet_layers", self.resnet_layers.iter().copied().min().unwrap_or(0), 1, MANY),
            ("resnet_width", self.resnet_width, 1, MANY),
            ("token_bucket", self.token_bucket, 4, LONGEST_TEXT),
            ("image_bucket", self.image_bucket, 1, LONGEST_TEXT),
            ("max_positions", self.max_positions, 2, LONGEST_TEXT),
            ("patch_image_size", self.patch_image_size, 16, 16 * self.image_bucket),
            ("first_bin", self.first_bin, END + 2, self.vocabulary - 1),
            ("bins", self.bins, 2, self.vocabulary - self.first_bin),
        ];
        let answers = self.answers.map(|answer| ("answers", answer, END + 1, self.vocabulary - 1));
        for (key, value, least, most) in ranges.into_iter().chain(answers) {
            if !(least..=most).contains(&value) {
                return Err(OfaConfigError::OutOfRange { key, value, least, most });
            }
        }
        let multiples =
            [("d_model", self.d_model, self.heads), ("patch_image_size", self.patch_image_size, 16)];
        for (key, value, of) in multiples {
            if value % of != 0 {
                return Err(OfaConfigError::NotMultiple { key, value, of });
            }
        }
        Ok(())
    }
}
