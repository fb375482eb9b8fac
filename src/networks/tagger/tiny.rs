//! Tiny taggers: for tests of everything that runs with any network.

use riveg::networks::descriptor::Dimensions;
use riveg::networks::tagger::{Positions, TaggerConfig};

use super::form::{BLOCKS, Tiny, Vocabulary, VocabularyFile};

pub(super) const XLM_ROBERTA_CRF: Tiny =
    Tiny { architecture: "xlm-roberta-crf", vocabulary: |_| VocabularyFile::Unigram, shrink };

pub(super) const BERT_CRF: Tiny = Tiny {
    architecture: "bert-crf",
    vocabulary: |preset| VocabularyFile::WordPieces { lower_case: !preset.ends_with("-cased") },
    shrink,
};

pub(super) const ROBERTA_SOFTMAX: Tiny =
    Tiny { architecture: "roberta-softmax", vocabulary: |_| VocabularyFile::Unigram, shrink };

pub(super) const BERT_SOFTMAX: Tiny = Tiny { architecture: "bert-softmax", ..BERT_CRF };

pub(super) const DISTILBERT_SOFTMAX: Tiny = Tiny { architecture: "distilbert-softmax", ..BERT_CRF };

pub(super) const DEBERTA_SOFTMAX: Tiny =
    Tiny { architecture: "deberta-softmax", vocabulary: |_| VocabularyFile::Unigram, shrink };

fn shrink(dimensions: &Dimensions, vocabulary: Vocabulary) -> Dimensions {
    let published: TaggerConfig = dimensions.config();
    let TaggerConfig { vocabulary, hidden, heads, ffn, max_positions, .. } = tagger(vocabulary.rows);
    let layers = published.layers / BLOCKS;
    let span = published.span / 16;
    Dimensions::of(&TaggerConfig { vocabulary, hidden, layers, heads, ffn, max_positions, span, ..published })
}

pub(super) fn tagger(vocabulary: i64) -> TaggerConfig {
    TaggerConfig {
        vocabulary,
        hidden: 16,
        layers: 2,
        heads: 2,
        ffn: 32,
        max_positions: 130,
        positions: Positions::AfterPadding,
        type_vocabulary: 1,
        layer_norm_eps: 1e-5,
        pad: 1,
        labels: 17,
        span: 0,
        convolution: 0,
    }
}
