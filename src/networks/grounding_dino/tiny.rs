//! Tiny Grounding DINO: for tests of everything that runs with any network.

use riveg::networks::descriptor::Dimensions;
use riveg::networks::grounding_dino::GroundingDinoConfig;

use super::form::{BLOCKS, Tiny, Vocabulary, VocabularyFile};

pub(super) const TINY: Tiny = Tiny {
    architecture: "grounding-dino",
    vocabulary: |_| VocabularyFile::WordPieces { lower_case: true },
    shrink,
};

fn shrink(dimensions: &Dimensions, vocabulary: Vocabulary) -> Dimensions {
    let published: GroundingDinoConfig = dimensions.config();
    Dimensions::of(&GroundingDinoConfig {
        shortest_side: 64,
        longest_side: 96,
        swin_width: 8,
        swin_depths: published.swin_depths.map(|depth| (depth / BLOCKS).max(1)),
        swin_heads: [1, 1, 2, 2],
        swin_window: 3,
        vocabulary: vocabulary.rows,
        // Of the small vocabularies, which have no full stop: what is unknown ends phrases.
        delimiters: [2, 3, 1, 1],
        text_hidden: 16,
        text_layers: 1,
        text_heads: 2,
        text_ffn: 32,
        d_model: 32,
        ffn: 64,
        heads: 4,
        encoder_layers: published.encoder_layers / BLOCKS,
        decoder_layers: published.decoder_layers / BLOCKS,
        points: 2,
        queries: 20,
        ..published
    })
}
