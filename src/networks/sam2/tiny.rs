//! Tiny SAM 2: for tests of everything that runs with any network.

use riveg::networks::descriptor::Dimensions;
use riveg::networks::sam2::Sam2Config;

use super::form::{Tiny, Vocabulary, VocabularyFile};

pub(super) const TINY: Tiny = Tiny { architecture: "sam2", vocabulary: |_| VocabularyFile::None, shrink };

fn shrink(dimensions: &Dimensions, _vocabulary: Vocabulary) -> Dimensions {
    let published: Sam2Config = dimensions.config();
    Dimensions::of(&Sam2Config {
        position_side: published.position_side / 7,
        mask_threshold: published.mask_threshold,
        multimask: published.multimask,
        stability_delta: published.stability_delta,
        stability_threshold: published.stability_threshold,
        ..sam2()
    })
}

pub(crate) fn sam2() -> Sam2Config {
    Sam2Config {
        image_size: 64,
        widths: [8, 16, 24, 32],
        heads: [1, 2, 3, 4],
        blocks: [1, 2, 2, 1],
        windows: [4, 2, 6, 3],
        global_blocks: vec![4],
        position_side: 3,
        mlp_ratio: 2.0,
        output_channels: 16,
        decoder_layers: 2,
        decoder_heads: 2,
        decoder_mlp: 32,
        mask_threshold: 0.0,
        multimask: false,
        stability_delta: 0.05,
        stability_threshold: 0.98,
    }
}
