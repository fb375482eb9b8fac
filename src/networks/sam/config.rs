//! Dimensions of SAM. They come from the bundle, so that all published sizes share this code.

use serde::{Deserialize, Serialize};

/// What the layer norms of SAM add to the variance, the last one of the decoder apart.
pub(super) const EPSILON: f64 = 1e-6;

/// All dimensions of a SAM and how its masks are read. Defaults of the fields are those of the published networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamConfig {
    /// Side in pixels of the square that the encoder reads; pictures are scaled to fit and padded right and below.
    #[serde(default = "published::image_size")]
    pub image_size: i64,
    /// Side in pixels of one patch.
    #[serde(default = "published::patch_size")]
    pub patch_size: i64,
    /// Width of the image encoder.
    pub hidden: i64,
    /// Layers of the image encoder.
    pub layers: i64,
    /// Attention heads of the image encoder.
    pub heads: i64,
    /// Width of the encoder's feed-forward layers, as a multiple of `hidden`.
    #[serde(default = "published::mlp_ratio")]
    pub mlp_ratio: f64,
    /// Side in patches of the windows within which most layers attend.
    #[serde(default = "published::window")]
    pub window: i64,
    /// Layers, counted from 0, that attend over the whole picture.
    pub global_layers: Vec<i64>,
    /// Channels of the encoding and width of the mask decoder.
    #[serde(default = "published::output_channels")]
    pub output_channels: i64,
    /// Two-way layers of the mask decoder.
    #[serde(default = "published::decoder_layers")]
    pub decoder_layers: i64,
    /// Attention heads of the mask decoder.
    #[serde(default = "published::decoder_heads")]
    pub decoder_heads: i64,
    /// Width of the mask decoder's feed-forward layers.
    #[serde(default = "published::decoder_mlp")]
    pub decoder_mlp: i64,
    /// A pixel is inside when its logit is greater than this.
    #[serde(default)]
    pub mask_threshold: f64,
    /// Whether a box is taken to be ambiguous: then three masks are made and the one with the best predicted IoU is
    /// kept, else the one mask made for unambiguous prompts is taken.
    #[serde(default)]
    pub multimask: bool,
}

/// Why dimensions make no network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SamConfigError {
    /// A dimension that must be at least 1 is not.
    #[error("`{key}` of the segmenter is {value}, but must be at least 1")]
    NotPositive {
        /// The key.
        key: &'static str,
        /// Its value.
        value: i64,
    },
    /// One dimension must be a multiple of another.
    #[error("`{key}` of the segmenter is {value}, but must be a multiple of {of}")]
    NotAMultiple {
        /// The key.
        key: &'static str,
        /// Its value.
        value: i64,
        /// What it must be a multiple of.
        of: i64,
    },
    /// A layer that attends globally does not exist.
    #[error("`global_layers` of the segmenter names layer {layer}, but the layers are 0 to {last}")]
    NoSuchLayer {
        /// The layer named.
        layer: i64,
        /// The last that there is.
        last: i64,
    },
    /// A factor or threshold is not a usable number.
    #[error("`{key}` of the segmenter is {value}, which is not usable")]
    NotUsable {
        /// The key.
        key: &'static str,
        /// Its value.
        value: f64,
    },
}

impl SamConfig {
    /// SAM with ViT-B: 93.7 M parameters.
    #[must_use]
    pub fn vit_b() -> Self {
        Self::published(768, 12, 12, [2, 5, 8, 11])
    }

    /// SAM with ViT-L: 312.3 M parameters.
    #[must_use]
    pub fn vit_l() -> Self {
        Self::published(1024, 24, 16, [5, 11, 17, 23])
    }

    /// SAM with ViT-H: 641.1 M parameters.
    #[must_use]
    pub fn vit_h() -> Self {
        Self::published(1280, 32, 16, [7, 15, 23, 31])
    }

    /// Patches along one side of the picture: the encoding is a square of so many cells.
    #[must_use]
    pub fn grid(&self) -> i64 {
        self.image_size / self.patch_size
    }

    /// Width of the encoder's feed-forward layers.
    #[must_use]
    pub fn encoder_mlp(&self) -> i64 {
        (self.hidden as f64 * self.mlp_ratio) as i64
    }

    /// Patches along one side of the square within which a layer attends.
    #[must_use]
    pub fn attended_side(&self, layer: i64) -> i64 {
        if self.global_layers.contains(&layer) { self.grid() } else { self.window }
    }

    /// Refuses dimensions that make no network.
    ///
    /// # Errors
    /// The first key at fault.
    pub fn validate(&self) -> Result<(), SamConfigError> {
        let positive = [
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
            ("hidden", self.hidden),
            ("layers", self.layers),
            ("heads", self.heads),
            ("window", self.window),
            ("output_channels", self.output_channels),
            ("decoder_layers", self.decoder_layers),
            ("decoder_heads", self.decoder_heads),
            ("decoder_mlp", self.decoder_mlp),
        ];
        if let Some(&(key, value)) = positive.iter().find(|(_, value)| *value < 1) {
            return Err(SamConfigError::NotPositive { key, value });
        }
        // The mask decoder halves its width inside cross attention and divides it by eight for the masks.
        let multiples = [
            ("image_size", self.image_size, self.patch_size),
            ("hidden", self.hidden, self.heads),
            ("output_channels", self.output_channels, 2 * self.decoder_heads),
            ("output_channels", self.output_channels, 8),
        ];
        if let Some(&(key, value, of)) = multiples.iter().find(|(_, value, of)| value % of != 0) {
            return Err(SamConfigError::NotAMultiple { key, value, of });
        }
        if let Some(&layer) = self.global_layers.iter().find(|&&layer| !(0..self.layers).contains(&layer)) {
            return Err(SamConfigError::NoSuchLayer { layer, last: self.layers - 1 });
        }
        if !(self.mlp_ratio.is_finite() && self.encoder_mlp() >= 1) {
            return Err(SamConfigError::NotUsable { key: "mlp_ratio", value: self.mlp_ratio });
        }
        if !self.mask_threshold.is_finite() {
            return Err(SamConfigError::NotUsable { key: "mask_threshold", value: self.mask_threshold });
        }
        Ok(())
    }

    fn published(hidden: i64, layers: i64, heads: i64, global_layers: [i64; 4]) -> Self {
        Self {
            image_size: published::image_size(),
            patch_size: published::patch_size(),
            hidden,
            layers,
            heads,
            mlp_ratio: published::mlp_ratio(),
            window: published::window(),
            global_layers: global_layers.to_vec(),
            output_channels: published::output_channels(),
            decoder_layers: published::decoder_layers(),
            decoder_heads: published::decoder_heads(),
            decoder_mlp: published::decoder_mlp(),
            mask_threshold: 0.0,
            multimask: false,
        }
    }
}

/// What the three published networks have in common.
mod published {
    pub(super) fn image_size() -> i64 {
        1024
    }
    pub(super) fn patch_size() -> i64 {
        16
    }
    pub(super) fn mlp_ratio() -> f64 {
        4.0
    }
    pub(super) fn window() -> i64 {
        14
    }
    pub(super) fn output_channels() -> i64 {
        256
    }
    pub(super) fn decoder_layers() -> i64 {
        2
    }
    pub(super) fn decoder_heads() -> i64 {
        8
    }
    pub(super) fn decoder_mlp() -> i64 {
        2048
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_networks_are_valid() {
        for config in [SamConfig::vit_b(), SamConfig::vit_l(), SamConfig::vit_h()] {
            assert_eq!(config.validate(), Ok(()));
            assert_eq!(config.grid(), 64);
        }
    }

    type Case = (fn(&mut SamConfig), &'static str);

    #[test]
    fn dimensions_that_make_no_network_are_refused_by_name() {
        let cases: [Case; 8] = [
            (|config| config.heads = 0, "`heads` of the segmenter is 0, but must be at least 1"),
            (|config| config.patch_size = -1, "`patch_size` of the segmenter is -1, but must be at least 1"),
            (
                |config| config.image_size = 1000,
                "`image_size` of the segmenter is 1000, but must be a multiple of 16",
            ),
            (|config| config.heads = 7, "`hidden` of the segmenter is 768, but must be a multiple of 7"),
            (
                |config| config.decoder_heads = 24,
                "`output_channels` of the segmenter is 256, but must be a multiple of 48",
            ),
            (
                |config| config.global_layers = vec![12],
                "`global_layers` of the segmenter names layer 12, but the layers are 0 to 11",
            ),
            (
                |config| config.mlp_ratio = f64::NAN,
                "`mlp_ratio` of the segmenter is NaN, which is not usable",
            ),
            (
                |config| config.mask_threshold = f64::INFINITY,
                "`mask_threshold` of the segmenter is inf, which is not usable",
            ),
        ];
        for (damage, message) in cases {
            let mut config = SamConfig::vit_b();
            damage(&mut config);
            assert_eq!(config.validate().map_err(|error| error.to_string()), Err(message.to_owned()));
        }
    }

    #[test]
    fn an_unknown_key_is_refused_and_a_missing_one_is_as_published() {
        let written = "hidden = 768\nlayers = 12\nheads = 12\nglobal_layers = [2, 5, 8, 11]\n";
        assert_eq!(toml::from_str::<SamConfig>(written).unwrap(), SamConfig::vit_b());
        let error = toml::from_str::<SamConfig>(&format!("{written}windows = 7\n")).unwrap_err();
        assert!(error.to_string().contains("windows"), "{error}");
    }
}
