//! Word pieces of BERT: one word or word end per line; the line number is the id.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{AddedToken, Tokenizer};

use super::VocabularyError;
use super::files::{bytes, lines, text};

const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The relevant parts of Hugging Face's `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
}

/// The tokenizer, and whether it lower-cases text: by `settings`, or else by the pieces, because an uncased vocabulary has
/// no capital letters.
pub(super) fn bert(words: &Path, settings: Option<&Path>) -> Result<(Tokenizer, bool), VocabularyError> {
    let text = text(words)?;
    let pieces: Vec<&str> = lines(&text).collect();
    let mut known = HashSet::new();
    for (number, piece) in (1..).zip(&pieces) {
        if !known.insert(*piece) {
            let found = format!("`{}` again", piece.escape_debug());
            return Err(VocabularyError::unfit(words, format!("line {number}"), "each piece once", found));
        }
    }
    if let Some(missing) = SPECIAL.iter().find(|piece| !known.contains(*piece)) {
        return Err(VocabularyError::unfit(words, format!("`{missing}`"), "a line of its own", "none"));
    }
    let settings = settings.map_or(Ok(Settings::default()), read_settings)?;
    let has_capitals = pieces
        .iter()
        .filter(|piece| !piece.starts_with('['))
        .any(|piece| piece.chars().any(char::is_uppercase));
    let lower_case = settings.do_lower_case.unwrap_or(!has_capitals);

    let vocabulary = pieces.iter().map(|piece| (*piece).to_owned()).zip(0..);
    let model = WordPiece::builder()
        .vocab(vocabulary.collect::<tokenizers::models::bpe::Vocab>())
        .unk_token("[UNK]".to_owned())
        .build()
        .map_err(|source| VocabularyError::unusable(words, source))?;
    let mut tokenizer = Tokenizer::new(model);
    // As BERT's authors: control characters are removed, Chinese characters are words, accents go with the case.
    tokenizer.with_normalizer(Some(BertNormalizer::new(true, true, settings.strip_accents, lower_case)));
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.add_special_tokens(&SPECIAL.map(|piece| AddedToken::from(piece, true)));
    Ok((tokenizer, lower_case))
}

fn read_settings(file: &Path) -> Result<Settings, VocabularyError> {
    serde_json::from_slice(&bytes(file)?)
        .map_err(|error| VocabularyError::unfit(file, "its form", "settings of a tokenizer in JSON", error))
}
