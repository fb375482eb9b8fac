//! Byte pairs of BERTweet (Nguyen et al. 2020): fastBPE's `bpe.codes` over the words of a `vocab.txt` with counts.
//!
//! A piece that does not end its word is written `ab@@` there and `ab` here, one that does `ab` there and `ab</w>` here.
//! Pieces that merges only pass through may have no line: they get ids after all others, which are read as the unknown
//! piece.

use std::collections::HashMap;
use std::path::Path;

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{AddedToken, Tokenizer};

use super::VocabularyError;
use super::byte_pairs::{MASK, SPECIAL, shown};
use super::files::{lines, text};

const END: &str = "</w>";
const GOES_ON: &str = "@@";

/// The tokenizer of words.
pub(super) fn bertweet(words: &Path, codes: &Path) -> Result<Tokenizer, VocabularyError> {
    let mut vocabulary: Vocab = SPECIAL.into_iter().map(str::to_owned).zip(0..).collect();
    for (number, line) in (1..).zip(lines(&text(words)?)) {
        let place = format!("line {number}");
        let counted = line.rsplit_once(' ').filter(|(_, count)| count.parse::<u64>().is_ok());
        let Some((word, _)) = counted else {
            return Err(VocabularyError::unfit(words, place, "a piece and its count", shown(line)));
        };
        let piece = word.strip_suffix(GOES_ON).map_or_else(|| format!("{word}{END}"), str::to_owned);
        let id = SPECIAL.len() + number - 1;
        let id = u32::try_from(id).map_err(|_| VocabularyError::unfit(words, &place, "fewer pieces", id))?;
        if vocabulary.insert(piece, id).is_some() {
            return Err(VocabularyError::unfit(words, place, "each piece once", shown(line)));
        }
    }
    let mask = next(&vocabulary);
    vocabulary.insert(MASK.to_owned(), mask);
    let merges = merges(codes)?;
    for (left, right) in &merges {
        for piece in [left.clone(), right.clone(), format!("{left}{right}")] {
            let id = next(&vocabulary);
            vocabulary.entry(piece).or_insert(id);
        }
    }
    let model = BPE::builder()
        .vocab_and_merges(vocabulary, merges)
        .unk_token(SPECIAL[3].to_owned())
        .end_of_word_suffix(END.to_owned())
        .build();
    let mut tokenizer = Tokenizer::new(model.map_err(|source| VocabularyError::unusable(codes, source))?);
    tokenizer.with_pre_tokenizer(Some(WhitespaceSplit));
    let special = SPECIAL.into_iter().chain([MASK]).map(|piece| AddedToken::from(piece, true));
    tokenizer.add_special_tokens(&special.collect::<Vec<_>>());
    Ok(tokenizer)
}

/// The first id of pieces that merges only pass through; none for other vocabularies than BERTweet's.
pub fn first_passing(tokenizer: &Tokenizer) -> Option<u32> {
    let tokenizers::ModelWrapper::BPE(model) = tokenizer.get_model() else { return None };
    let of_words = model.end_of_word_suffix.as_deref() == Some(END);
    tokenizer.token_to_id(MASK).filter(|_| of_words).map(|mask| mask + 1)
}

fn next(vocabulary: &HashMap<String, u32, impl std::hash::BuildHasher>) -> u32 {
    u32::try_from(vocabulary.len()).unwrap_or(u32::MAX)
}

/// The merges, by priority; each line has a count at its end.
fn merges(codes: &Path) -> Result<Merges, VocabularyError> {
    let text = text(codes)?;
    let pair = |(number, line): (usize, &str)| {
        let parts: Vec<&str> = line.split_whitespace().collect();
        match parts.as_slice() {
            [left, right, _count] => Ok(((*left).to_owned(), (*right).to_owned())),
            _ => {
                let expected = "two pieces and a count";
                Err(VocabularyError::unfit(codes, format!("line {number}"), expected, shown(line)))
            }
        }
    };
    (1..).zip(lines(&text)).filter(|(_, line)| !line.is_empty()).map(pair).collect()
}
