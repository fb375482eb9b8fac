//! What are a vocabulary's special pieces called? RoBERTa's family writes them in tags, BERT's in brackets.

use tokenizers::Tokenizer;

/// The names of special pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialPieces {
    /// Begins every text.
    pub begin: &'static str,
    /// Ends every text.
    pub end: &'static str,
    /// Stands for what the vocabulary cannot say.
    pub unknown: &'static str,
    /// Fills up.
    pub pad: &'static str,
    /// Hides a piece in pre-training.
    pub mask: &'static str,
}

/// XLM-R and OFA.
const TAGS: SpecialPieces =
    SpecialPieces { begin: "<s>", end: "</s>", unknown: "<unk>", pad: "<pad>", mask: "<mask>" };
/// BERT and ALBEF.
const BRACKETS: SpecialPieces =
    SpecialPieces { begin: "[CLS]", end: "[SEP]", unknown: "[UNK]", pad: "[PAD]", mask: "[MASK]" };

impl SpecialPieces {
    /// Those of a tokenizer, by the one that its vocabulary begins texts with; tags where it has neither.
    #[must_use]
    pub fn of(tokenizer: &Tokenizer) -> Self {
        if tokenizer.token_to_id(BRACKETS.begin).is_some() { BRACKETS } else { TAGS }
    }
}
