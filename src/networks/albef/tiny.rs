//! Tiny ALBEF: for tests of everything that runs with any network.

use riveg::networks::albef::AlbefConfig;
use riveg::networks::descriptor::Dimensions;

use super::form::{BLOCKS, Tiny, Vocabulary, VocabularyFile};

pub(super) const TINY: Tiny =
    Tiny { architecture: "albef", vocabulary: |_| VocabularyFile::WordPieces { lower_case: true }, shrink };

fn shrink(dimensions: &Dimensions, vocabulary: Vocabulary) -> Dimensions {
    let published: AlbefConfig = dimensions.config();
    Dimensions::of(&AlbefConfig {
        image_size: 48,
        vision_hidden: 16,
        vision_layers: published.vision_layers / BLOCKS,
        vision_heads: 2,
        vision_ffn: 32,
        vocabulary: vocabulary.rows,
        hidden: 16,
        layers: published.layers / BLOCKS,
        fusion_layer: published.fusion_layer / BLOCKS,
        heads: 2,
        ffn: 32,
        max_positions: 64,
        ..published
    })
}
