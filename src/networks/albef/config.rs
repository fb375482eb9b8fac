//! Dimensions of ALBEF.

use serde::{Deserialize, Serialize};

use crate::networks::blocks::bert::BertConfig;
use crate::networks::blocks::preset::{Preset, linear};

/// The id of `[PAD]` in BERT's vocabularies.
pub const PAD: i64 = 0;

/// The classes of the head: contradiction, neutral, entailment.
pub(super) const CLASSES: i64 = 3;

/// The dimensions, which a bundle's manifest gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlbefConfig {
    /// Side of the square picture in pixels, a multiple of `patch_size`.
    pub image_size: i64,
    /// Side of a patch in pixels.
    pub patch_size: i64,
    /// Width of the picture's vectors.
    pub vision_hidden: i64,
    /// Blocks of the picture's encoder.
    pub vision_layers: i64,
    /// Attention heads of the picture's encoder; they divide `vision_hidden`.
    pub vision_heads: i64,
    /// Width inside the feed-forward layers of the picture's encoder.
    pub vision_ffn: i64,
    /// Pieces that the tokenizer knows.
    pub vocabulary: i64,
    /// Width of the text's vectors.
    pub hidden: i64,
    /// Blocks of the text's encoder.
    pub layers: i64,
    /// The first of them, counted from 0, that looks at the picture; all that follow do as well.
    pub fusion_layer: i64,
    /// Attention heads of the text's encoder; they divide `hidden`.
    pub heads: i64,
    /// Width inside the feed-forward layers of the text's encoder.
    pub ffn: i64,
    /// The longest text in pieces.
    pub max_positions: i64,
    /// Rows of the token type table, of which only the first is used; 0 in LAVIS' checkpoints, which have none.
    pub type_vocabulary: i64,
}

/// Dimensions that no network can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlbefConfigError {
    /// A number is out of its range.
    #[error("ALBEF's `{key}` is {value}, which must be from {least} to {most}")]
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
    #[error("ALBEF's `{key}` is {value}, not a multiple of {of}")]
    NotMultiple {
        /// Which.
        key: &'static str,
        /// What it is.
        value: i64,
        /// What it should be a multiple of.
        of: i64,
    },
}

impl Preset for AlbefConfig {
    /// ALBEF as its authors write it, and as LAVIS publishes it.
    const NAMES: &'static [&'static str] = &["albef-base", "albef-base-lavis"];

    /// The published dimensions: ViT-B/16 at 384 pixels, BERT-base that looks from its seventh block on.
    fn preset(name: &str) -> Option<Self> {
        let type_vocabulary = match name {
            "albef-base" => 2,
            "albef-base-lavis" => 0,
            _ => return None,
        };
        Some(Self {
            image_size: 384,
            patch_size: 16,
            vision_hidden: 768,
            vision_layers: 12,
            vision_heads: 12,
            vision_ffn: 3072,
            vocabulary: 30_522,
            hidden: 768,
            layers: 12,
            fusion_layer: 6,
            heads: 12,
            ffn: 3072,
            max_positions: 512,
            type_vocabulary,
        })
    }

    fn parameters(&self) -> u64 {
        let width = self.vision_hidden;
        let patches = linear(3 * self.patch_size * self.patch_size, width);
        let norm = 2 * width;
        let attention = linear(width, 3 * width) + linear(width, width);
        let feed_forward = linear(width, self.vision_ffn) + linear(self.vision_ffn, width);
        let places = (self.image_tokens() + 1) * width; // a vector for each, and the one that stands for all
        let vision = patches + places + self.vision_layers * (2 * norm + attention + feed_forward) + norm;
        let text = self.text();
        let fusion = (self.layers - self.fusion_layer) * text.attention_parameters(width);
        let head = linear(self.hidden, self.hidden) + linear(self.hidden, CLASSES);
        (vision + text.parameters() + fusion + head) as u64
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
}

impl AlbefConfig {
    /// Vectors of a picture: one for each patch and one for all.
    #[must_use]
    pub fn image_tokens(&self) -> i64 {
        let grid = self.image_size / self.patch_size;
        grid * grid + 1
    }

    /// Checks that a network can have these dimensions.
    ///
    /// # Errors
    /// Names the first dimension that is at fault.
    pub fn check(&self) -> Result<(), AlbefConfigError> {
        const MANY: i64 = 1 << 18; // far above every published size, far below what overflows in a product of three
        let ranges = [
            ("patch_size", self.patch_size, 1, MANY),
            ("image_size", self.image_size, self.patch_size, MANY),
            ("vision_hidden", self.vision_hidden, 1, MANY),
            ("vision_layers", self.vision_layers, 0, MANY),
            ("vision_heads", self.vision_heads, 1, MANY),
            ("vision_ffn", self.vision_ffn, 1, MANY),
            ("vocabulary", self.vocabulary, PAD + 2, MANY),
            ("hidden", self.hidden, 1, MANY),
            ("layers", self.layers, 1, MANY),
            ("fusion_layer", self.fusion_layer, 0, self.layers - 1),
            ("heads", self.heads, 1, MANY),
            ("ffn", self.ffn, 1, MANY),
            ("max_positions", self.max_positions, 2, MANY),
            ("type_vocabulary", self.type_vocabulary, 0, MANY),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(AlbefConfigError::OutOfRange { key, value, least, most });
            }
        }
        let multiples = [
            ("image_size", self.image_size, self.patch_size),
            ("vision_hidden", self.vision_hidden, self.vision_heads),
            ("hidden", self.hidden, self.heads),
        ];
        for (key, value, of) in multiples {
            if value % of != 0 {
                return Err(AlbefConfigError::NotMultiple { key, value, of });
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

#[cfg(test)]
mod tests {
    use tch::nn::VarStore;
    use tch::{Device, Tensor};

    use super::super::Albef;
    use super::*;

    fn base() -> AlbefConfig {
        AlbefConfig::preset("albef-base").unwrap()
    }

    #[test]
    fn the_published_network_has_the_parameters_that_its_original_counts() {
        // `sum(p.numel() for p in model.parameters())` of LAVIS' encoders at published size with the head of ALBEF.
        for (&name, parameters) in AlbefConfig::NAMES.iter().zip([209_758_467, 209_756_931]) {
            let config = AlbefConfig::preset(name).unwrap();
            assert_eq!(config.check(), Ok(()));
            assert_eq!(config.image_tokens(), 577);
            assert_eq!(config.parameters(), parameters, "{name}");
        }
        assert_eq!(AlbefConfig::preset("albef-huge"), None);
    }

    #[test]
    fn a_network_has_the_parameters_that_its_dimensions_say() {
        let tiny = AlbefConfig {
            image_size: 12,
            patch_size: 4,
            vision_hidden: 10,
            vision_layers: 3,
            vision_heads: 2,
            vision_ffn: 14,
            vocabulary: 23,
            hidden: 12,
            layers: 4,
            fusion_layer: 1,
            heads: 3,
            ffn: 18,
            max_positions: 20,
            type_vocabulary: 2,
        };
        for config in [AlbefConfig { type_vocabulary: 0, ..tiny.clone() }, tiny] {
            assert_eq!(config.check(), Ok(()));
            let store = VarStore::new(Device::Cpu);
            let _albef = Albef::new(&store.root(), &config);
            let counted: usize = store.variables().values().map(Tensor::numel).sum();
            assert_eq!(config.parameters(), counted as u64);
        }
    }

    #[test]
    fn dimensions_that_make_no_network_are_refused_by_name() {
        let cases = [
            (AlbefConfig { layers: 0, ..base() }, "ALBEF's `layers` is 0, which must be from 1 to 262144"),
            (
                AlbefConfig { fusion_layer: 12, ..base() },
                "ALBEF's `fusion_layer` is 12, which must be from 0 to 11",
            ),
            (
                AlbefConfig { image_size: 8, ..base() },
                "ALBEF's `image_size` is 8, which must be from 16 to 262144",
            ),
            (AlbefConfig { image_size: 390, ..base() }, "ALBEF's `image_size` is 390, not a multiple of 16"),
            (AlbefConfig { heads: 7, ..base() }, "ALBEF's `hidden` is 768, not a multiple of 7"),
            (
                AlbefConfig { vision_heads: 5, ..base() },
                "ALBEF's `vision_hidden` is 768, not a multiple of 5",
            ),
        ];
        for (config, message) in cases {
            assert_eq!(config.check().map_err(|error| error.to_string()), Err(message.to_owned()));
        }
        let written = toml::to_string(&base()).unwrap();
        assert_eq!(toml::from_str::<AlbefConfig>(&written), Ok(base()));
        assert!(toml::from_str::<AlbefConfig>(&format!("{written}pooler = 1\n")).is_err());
    }
}
