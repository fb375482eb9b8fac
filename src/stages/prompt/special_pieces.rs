//! Special pieces: their names in RoBERTa's style (tags) and in BERT's style (brackets).

use tokenizers::Tokenizer;

/// The names of special pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialPieces {
    /// Begin of text.
    pub begin: &'static str,
    /// End of text.
    pub end: &'static str,
    /// Text outside the vocabulary.
    pub unknown: &'static str,
    /// Padding.
    pub pad: &'static str,
    /// The mask of pre-training.
    pub mask: &'static str,
}

/// XLM-R and OFA.
const TAGS: SpecialPieces =
    SpecialPieces { begin: "<s>", end: "</s>", unknown: "<unk>", pad: "<pad>", mask: "<mask>" };
/// BERT and ALBEF.
const BRACKETS: SpecialPieces =
    SpecialPieces { begin: "[CLS]", end: "[SEP]", unknown: "[UNK]", pad: "[PAD]", mask: "[MASK]" };

impl SpecialPieces {
    /// The names in a tokenizer: brackets if it has BERT's begin piece, else tags.
    #[must_use]
    pub fn of(tokenizer: &Tokenizer) -> Self {
        if tokenizer.token_to_id(BRACKETS.begin).is_some() { BRACKETS } else { TAGS }
    }
}
