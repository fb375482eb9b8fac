//! Dimensions of SAM 2. They come from the bundle, so that all published sizes share this code.

use serde::{Deserialize, Serialize};

/// Stages of the image encoder. Each but the first begins by halving the grid and widening its vectors.
pub const STAGES: usize = 4;

/// Pixels a side of one cell at the first stage.
pub(super) const STRIDE: i64 = 4;

/// What the layer norms add to the variance, those of the two-way transformer apart.
pub(super) const EPSILON: f64 = 1e-6;

/// All dimensions of a SAM 2 and how its masks are read. Defaults of the fields are those of the published networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sam2Config {
    /// Side in pixels of the square that the encoder reads; pictures are squashed into it.
    #[serde(default = "published::image_size")]
    pub image_size: i64,
    /// Width of the vectors at each stage of the image encoder.
    pub widths: [i64; STAGES],
    /// Attention heads at each stage.
    pub heads: [i64; STAGES],
    /// Blocks of each stage.
    pub blocks: [i64; STAGES],
    /// Side in cells of the windows within which the blocks of each stage attend. The first block of a stage keeps those
    /// of the stage before it.
    #[serde(default = "published::windows")]
    pub windows: [i64; STAGES],
    /// Blocks, counted from 0 over all stages, that attend over the whole picture.
    pub global_blocks: Vec<i64>,
    /// Side in cells of the position embedding that is interpolated over the picture.
    #[serde(default = "published::position_side")]
    pub position_side: i64,
    /// Width of the encoder's feed-forward layers, as a multiple of its vectors' width.
    #[serde(default = "published::mlp_ratio")]
    pub mlp_ratio: f64,
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
    /// kept, else the one mask made for unambiguous prompts is taken as long as it is stable.
    #[serde(default)]
    pub multimask: bool,
    /// How far the logit's threshold is moved up and down to see whether the mask for unambiguous prompts is stable.
    #[serde(default = "published::stability_delta")]
    pub stability_delta: f64,
    /// The least IoU of the masks at both thresholds. Below it the best of the three other masks is taken instead; 0 takes
    /// the mask for unambiguous prompts always.
    #[serde(default = "published::stability_threshold")]
    pub stability_threshold: f64,
}

impl Sam2Config {
    /// SAM 2.1 tiny without the memory of videos: 31.4 M parameters.
    #[must_use]
    pub fn tiny() -> Self {
        Self::published(96, 1, [1, 2, 7, 2], [5, 7, 9])
    }

    /// SAM 2.1 small without the memory of videos: 38.5 M parameters.
    #[must_use]
    pub fn small() -> Self {
        Self::published(96, 1, [1, 2, 11, 2], [7, 10, 13])
    }

    /// SAM 2.1 base+ without the memory of videos: 73.3 M parameters.
    #[must_use]
    pub fn base_plus() -> Self {
        Self { position_side: 14, ..Self::published(112, 2, [2, 3, 16, 3], [12, 16, 20]) }
    }

    /// SAM 2.1 large without the memory of videos: 216.9 M parameters.
    #[must_use]
    pub fn large() -> Self {
        Self { windows: [8, 4, 16, 8], ..Self::published(144, 2, [2, 6, 36, 4], [23, 33, 43]) }
    }

    /// Cells along one side of the picture at a stage, the first being 0.
    #[must_use]
    pub fn grid(&self, stage: usize) -> i64 {
        (self.image_size / STRIDE) >> stage
    }

    /// Width of the feed-forward layers at a stage.
    #[must_use]
    pub fn encoder_mlp(&self, stage: usize) -> i64 {
        (self.widths[stage] as f64 * self.mlp_ratio) as i64
    }

    /// Why there can be no network of these dimensions: the first key at fault.
    ///
    /// # Errors
    /// A message that names it, what is expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        let each = |key: &'static str, values: [i64; STAGES]| values.map(|value| (key, value));
        let single = [
            ("image_size", self.image_size),
            ("position_side", self.position_side),
            ("output_channels", self.output_channels),
            ("decoder_layers", self.decoder_layers),
            ("decoder_heads", self.decoder_heads),
            ("decoder_mlp", self.decoder_mlp),
        ];
        let all = single
            .into_iter()
            .chain(each("widths", self.widths))
            .chain(each("heads", self.heads))
            .chain(each("blocks", self.blocks))
            .chain(each("windows", self.windows));
        for (key, value) in all {
            if value < 1 {
                return Err(format!("`{key}` of the segmenter is {value}, but must be at least 1"));
            }
        }
        // The position of a window is repeated over the grid of the first stage; four halvings follow the stride. The mask
        // decoder halves its width inside cross attention and divides it by eight for the masks.
        let multiples = [
            ("image_size", self.image_size, STRIDE << (STAGES - 1)),
            ("image_size", self.image_size, STRIDE * self.windows[0]),
            ("output_channels", self.output_channels, 2 * self.decoder_heads),
            ("output_channels", self.output_channels, 8),
        ];
        let by_heads = self.widths.iter().zip(self.heads).map(|(&width, heads)| ("widths", width, heads));
        // A window is halved with the grid by the first block of the next stage.
        let halved = self.windows[..STAGES - 1].iter().map(|&window| ("windows", window, 2));
        for (key, value, of) in multiples.into_iter().chain(by_heads).chain(halved) {
            if value % of != 0 {
                return Err(format!("`{key}` of the segmenter is {value}, but must be a multiple of {of}"));
            }
        }
        if let Some(pair) = self.widths.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!(
                "`widths` of the segmenter has {} twice, but each stage has its own",
                pair[0]
            ));
        }
        let blocks: i64 = self.blocks.iter().sum();
        if let Some(block) = self.global_blocks.iter().find(|block| !(0..blocks).contains(*block)) {
            let last = blocks - 1;
            return Err(format!(
                "`global_blocks` of the segmenter names block {block}, but the blocks are 0 to {last}"
            ));
        }
        let numbers = [
            ("mlp_ratio", self.mlp_ratio, self.mlp_ratio > 0.0 && self.encoder_mlp(0) >= 1),
            ("mask_threshold", self.mask_threshold, true),
            ("stability_delta", self.stability_delta, self.stability_delta >= 0.0),
            (
                "stability_threshold",
                self.stability_threshold,
                (0.0..=1.0).contains(&self.stability_threshold),
            ),
        ];
        match numbers.into_iter().find(|(_, value, usable)| !(value.is_finite() && *usable)) {
            Some((key, value, _)) => Err(format!("`{key}` of the segmenter is {value}, which is not usable")),
            None => Ok(()),
        }
    }

    fn published(width: i64, heads: i64, blocks: [i64; STAGES], global_blocks: [i64; 3]) -> Self {
        let doubled = |first: i64| [first, 2 * first, 4 * first, 8 * first];
        Self {
            image_size: published::image_size(),
            widths: doubled(width),
            heads: doubled(heads),
            blocks,
            windows: published::windows(),
            global_blocks: global_blocks.to_vec(),
            position_side: published::position_side(),
            mlp_ratio: published::mlp_ratio(),
            output_channels: published::output_channels(),
            decoder_layers: published::decoder_layers(),
            decoder_heads: published::decoder_heads(),
            decoder_mlp: published::decoder_mlp(),
            mask_threshold: 0.0,
            multimask: false,
            stability_delta: published::stability_delta(),
            stability_threshold: published::stability_threshold(),
        }
    }
}

/// What most of the published networks have in common.
mod published {
    pub(super) fn image_size() -> i64 {
        1024
    }
    pub(super) fn windows() -> [i64; 4] {
        [8, 4, 14, 7]
    }
    pub(super) fn position_side() -> i64 {
        7
    }
    pub(super) fn mlp_ratio() -> f64 {
        4.0
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
    pub(super) fn stability_delta() -> f64 {
        0.05
    }
    pub(super) fn stability_threshold() -> f64 {
        0.98
    }
}
