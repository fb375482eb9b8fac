//! Sentence pieces of XLM-R and DeBERTa: a sentencepiece unigram model (Kudo 2018, arXiv 1804.10959), XLM-R's with
//! fairseq's ids.
//!
//! The fields are those of `sentencepiece_model.proto`.

use std::path::Path;

use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{Replace, Sequence, Strip};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{AddedToken, NormalizerWrapper, Tokenizer};

use super::files::bytes;
use super::protobuf::{Field, fields};
use super::{VocabularyError, charsmap};

/// The model's first pieces, which fairseq replaces.
const FIRST: [&str; 3] = ["<unk>", "<s>", "</s>"];
const SPECIAL: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];
const MASK: &str = "<mask>";
/// The first pieces of DeBERTa's model, which has the ids of the network but for the mask.
const DEBERTA: [&str; 4] = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"];
const DEBERTA_MASK: &str = "[MASK]";
/// Of both.
const UNKNOWN: usize = 3;
const UNIGRAM: u64 = 1;

/// The relevant parts of the model.
#[derive(Debug, Default)]
struct Model {
    /// Pieces and their log-probabilities.
    pieces: Vec<(String, f64)>,
    /// The character map of the normaliser, in sentencepiece's format.
    characters: Vec<u8>,
}

/// The tokenizer of XLM-R's `sentencepiece.bpe.model`, which is a unigram model despite its name, or of DeBERTa's
/// `spm.model`.
pub(super) fn tokenizer(file: &Path) -> Result<Tokenizer, VocabularyError> {
    let bytes = bytes(file)?;
    let Model { pieces, characters } = model(file, &bytes)?;
    let first: Vec<&str> = pieces.iter().take(DEBERTA.len()).map(|(piece, _)| piece.as_str()).collect();
    let (special, mask, skipped) = if first == DEBERTA {
        (DEBERTA, DEBERTA_MASK, DEBERTA.len())
    } else if first.starts_with(&FIRST) {
        (SPECIAL, MASK, FIRST.len())
    } else {
        let expected = format!(
            "{FIRST:?}, as in XLM-R's model, or {DEBERTA:?}; of another network, its `tokenizer.json`"
        );
        return Err(VocabularyError::unfit(file, "its first pieces", expected, format!("{first:?}")));
    };
    let begin = special.into_iter().map(|piece| (piece.to_owned(), 0.0));
    let all = begin.chain(pieces.into_iter().skip(skipped)).chain([(mask.to_owned(), 0.0)]).collect();

    let unusable = |source| VocabularyError::unusable(file, source);
    let mut tokenizer = Tokenizer::new(Unigram::from(all, Some(UNKNOWN), false).map_err(unusable)?);
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if !characters.is_empty() {
        let table = charsmap::table(&characters);
        steps.push(table.map_err(|why| unusable(format!("its table of characters {why}").into()))?.into());
    }
    // The character map may produce spaces.
    steps.push(Strip::new(false, true).into());
    steps.push(Replace::new(ReplacePattern::Regex(" {2,}".to_owned()), " ").map_err(unusable)?.into());
    tokenizer.with_normalizer(Some(Sequence::new(steps)));
    let metaspace = Metaspace::new('▁', PrependScheme::Always, true);
    tokenizer.with_pre_tokenizer(Some(metaspace.clone()));
    tokenizer.with_decoder(Some(metaspace));
    let special = special.into_iter().chain([mask]).map(|piece| AddedToken::from(piece, true));
    tokenizer.add_special_tokens(&special.collect::<Vec<_>>());
    Ok(tokenizer)
}

fn model(file: &Path, bytes: &[u8]) -> Result<Model, VocabularyError> {
    let damaged = |at: usize, expected: &str| {
        VocabularyError::unfit(file, format!("byte {at}"), expected, "other bytes")
    };
    let mut model = Model::default();
    for (number, field) in fields(bytes).map_err(|at| damaged(at, "a sentencepiece model"))? {
        let Field::Bytes(inner) = field else { continue };
        // The offset of the message in the file.
        let start = inner.as_ptr() as usize - bytes.as_ptr() as usize;
        let parts = |what: &str| fields(inner).map_err(|at| damaged(start + at, what));
        match number {
            1 => model
                .pieces
                .push(piece(&parts("a piece")?).ok_or_else(|| damaged(start, "a piece with its score"))?),
            2 => {
                let kind = parts("settings of training")?.into_iter().find_map(|part| match part {
                    (3, Field::Number(kind)) => Some(kind),
                    _ => None,
                });
                if let Some(other) = kind.filter(|kind| *kind != UNIGRAM) {
                    let found = format!("kind {other}");
                    return Err(VocabularyError::unfit(file, "its kind", "a unigram model (kind 1)", found));
                }
            }
            3 => {
                let map = parts("settings of characters")?.into_iter().find_map(|part| match part {
                    (2, Field::Bytes(map)) => Some(map.to_vec()),
                    _ => None,
                });
                model.characters = map.unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok(model)
}

/// The text and score of a piece. A missing score is 0.
fn piece(parts: &[(u64, Field<'_>)]) -> Option<(String, f64)> {
    let text = parts.iter().find_map(|part| match part {
        (1, Field::Bytes(text)) => std::str::from_utf8(text).ok(),
        _ => None,
    });
    let score = parts.iter().find_map(|part| match part {
        (2, Field::Four(score)) => Some(f32::from_le_bytes(*score)),
        _ => None,
    });
    Some((text?.to_owned(), f64::from(score.unwrap_or(0.0))))
}
