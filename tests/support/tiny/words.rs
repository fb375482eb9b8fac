//! Small vocabularies: the words and pieces of a few texts.

use std::collections::BTreeSet;

use tokenizers::models::bpe::Vocab;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{AddedToken, Tokenizer};

/// Why a bundle could not be written.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A list of SeqTR's words: every word of the phrases, after the special ones.
pub(super) fn list(phrases: &[String]) -> Vec<String> {
    let words: BTreeSet<String> = phrases.iter().flat_map(|phrase| words(phrase, true)).collect();
    ["PAD", "UNK", "CLS"].map(str::to_owned).into_iter().chain(words).collect()
}

/// A tokenizer of BERT's family: every letter, at the beginning of a word and within, and words of no other signs.
pub(super) fn pieces(texts: &[String], lower_case: bool) -> Result<Tokenizer, Failure> {
    const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let words: BTreeSet<String> = texts.iter().flat_map(|text| words(text, lower_case)).collect();
    let letters: BTreeSet<char> = words.iter().flat_map(|word| word.chars()).collect();
    let letters = letters.into_iter().flat_map(|letter| [letter.to_string(), format!("##{letter}")]);
    let own: BTreeSet<String> = letters.chain(words.into_iter().filter(|word| word.len() > 1)).collect();
    let all = SPECIAL.into_iter().map(str::to_owned).chain(own);
    let vocabulary: Vocab = all.zip(0..).collect();
    let model = WordPiece::builder().vocab(vocabulary).unk_token("[UNK]".to_owned()).build()?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_normalizer(Some(BertNormalizer::new(true, true, None, lower_case)));
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.add_special_tokens(&SPECIAL.map(|piece| AddedToken::from(piece, true)));
    Ok(tokenizer)
}

/// Runs of letters and digits.
fn words(text: &str, lower_case: bool) -> Vec<String> {
    let text = if lower_case { text.to_lowercase() } else { text.to_owned() };
    let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}
