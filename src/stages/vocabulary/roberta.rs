//! Byte pairs of RoBERTa (Liu et al. 2019): `vocab.json` and `merges.txt`, of which words are read with a space before them.

use std::path::Path;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

use super::VocabularyError;
use super::byte_pairs::{MASK, SPECIAL, read_merges, read_pieces};

/// The tokenizer of words.
pub(super) fn roberta(ids: &Path, merges: &Path) -> Result<Tokenizer, VocabularyError> {
    let pieces = read_pieces(ids)?;
    let vocabulary: Vocab = pieces.into_iter().zip(0..).collect();
    let model = BPE::builder().vocab_and_merges(vocabulary, read_merges(merges)?).build();
    let mut tokenizer = Tokenizer::new(model.map_err(|source| VocabularyError::unusable(merges, source))?);
    let bytes = ByteLevel::new(true, false, true);
    tokenizer.with_pre_tokenizer(Some(bytes));
    tokenizer.with_decoder(Some(bytes));
    let special = SPECIAL.into_iter().chain([MASK]).map(|piece| AddedToken::from(piece, true));
    tokenizer.add_special_tokens(&special.collect::<Vec<_>>());
    Ok(tokenizer)
}
