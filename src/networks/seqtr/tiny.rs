//! Tiny SeqTR: for tests of everything that runs with any network.

use riveg::networks::descriptor::Dimensions;
use riveg::networks::seqtr::SeqTrConfig;

use super::form::{BINS, Tiny, Vocabulary, VocabularyFile};

pub(super) const TINY: Tiny = Tiny { architecture: "seqtr", vocabulary: |_| VocabularyFile::Words, shrink };

fn shrink(dimensions: &Dimensions, vocabulary: Vocabulary) -> Dimensions {
    let published: SeqTrConfig = dimensions.config();
    Dimensions::of(&SeqTrConfig {
        vocabulary: vocabulary.rows,
        word_width: 8,
        image_size: 64,
        darknet_width: 1,
        darknet_blocks: published.darknet_blocks.map(|blocks| (blocks / 4).max(1)),
        d_model: 16,
        ffn: 32,
        heads: 2,
        groups: 4,
        encoder_layers: published.encoder_layers / 3,
        decoder_layers: published.decoder_layers / 3,
        bins: BINS,
        ..published
    })
}
