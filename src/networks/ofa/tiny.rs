//! Tiny OFA: for tests of everything that runs with any network.

use riveg::networks::descriptor::Dimensions;
use riveg::networks::ofa::OfaConfig;

use super::form::{BINS, BLOCKS, Tiny, Vocabulary, VocabularyFile};

pub(super) const TINY: Tiny = Tiny { architecture: "ofa", vocabulary: |_| VocabularyFile::BytePairs, shrink };

fn shrink(dimensions: &Dimensions, vocabulary: Vocabulary) -> Dimensions {
    let published: OfaConfig = dimensions.config();
    Dimensions::of(&OfaConfig {
        encoder_layers: (published.encoder_layers / BLOCKS).max(1),
        decoder_layers: (published.decoder_layers / BLOCKS).max(1),
        resnet_layers: published.resnet_layers.map(|blocks| (blocks / 12).max(1)),
        // 480 pixels become 48, and 512 become 64.
        patch_image_size: published.patch_image_size / 128 * 16,
        ..ofa(vocabulary)
    })
}

pub(super) fn ofa(vocabulary: Vocabulary) -> OfaConfig {
    OfaConfig {
        vocabulary: vocabulary.rows,
        d_model: 16,
        ffn: 32,
        heads: 2,
        encoder_layers: 2,
        decoder_layers: 2,
        resnet_layers: [1, 1, 1],
        resnet_width: 4,
        token_bucket: 16,
        image_bucket: 4,
        max_positions: 256,
        patch_image_size: 48,
        first_bin: vocabulary.first_bin,
        bins: BINS,
        answers: vocabulary.answers,
    }
}
