//! Tiny UMT: for tests of everything that runs with any network.

use riveg::networks::descriptor::Dimensions;
use riveg::networks::umt::UmtConfig;

use super::form::{BLOCKS, Tiny, Vocabulary, VocabularyFile};

pub(super) const TINY: Tiny =
    Tiny { architecture: "umt", vocabulary: |_| VocabularyFile::WordPieces { lower_case: false }, shrink };

fn shrink(dimensions: &Dimensions, vocabulary: Vocabulary) -> Dimensions {
    let published: UmtConfig = dimensions.config();
    Dimensions::of(&UmtConfig {
        vocabulary: vocabulary.rows,
        hidden: 16,
        layers: published.layers / BLOCKS,
        heads: 2,
        ffn: 32,
        max_positions: 64,
        max_pieces: 64,
        image_size: 64,
        resnet_layers: published.resnet_layers.map(|blocks| (blocks / 12).max(1)),
        resnet_width: 2,
        ..published
    })
}
