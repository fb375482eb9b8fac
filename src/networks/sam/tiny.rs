//! Tiny SAM: for tests of everything that runs with any network.

use riveg::networks::descriptor::Dimensions;
use riveg::networks::sam::SamConfig;

use super::form::{Tiny, Vocabulary, VocabularyFile};

pub(super) const TINY: Tiny = Tiny { architecture: "sam", vocabulary: |_| VocabularyFile::None, shrink };

fn shrink(dimensions: &Dimensions, _vocabulary: Vocabulary) -> Dimensions {
    let SamConfig { mask_threshold, multimask, .. } = dimensions.config();
    Dimensions::of(&SamConfig { mask_threshold, multimask, ..sam() })
}

pub(crate) fn sam() -> SamConfig {
    SamConfig {
        image_size: 64,
        patch_size: 8,
        hidden: 16,
        layers: 2,
        heads: 2,
        mlp_ratio: 2.0,
        window: 3,
        global_layers: vec![1],
        output_channels: 16,
        decoder_layers: 2,
        decoder_heads: 2,
        decoder_mlp: 32,
        mask_threshold: 0.0,
        multimask: false,
    }
}
