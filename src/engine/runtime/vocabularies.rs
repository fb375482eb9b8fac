//! Vocabularies of a bundle's networks: each is read and checked against its network.

use std::path::PathBuf;

use crate::domain::Stage;
use crate::networks::bundle::{Bundle, BundleError, FileEntry, Joint, Part};
use crate::networks::descriptor::{Reads, VocabularyKind};
use crate::stages::knowledge::TextTokenizer;
use crate::stages::prompt::{PhraseEncoder, PromptEncoder, PromptError, WordList};
use crate::stages::recognise::{LabelSet, WordTokenizer, split_words};
use crate::stages::vocabulary;

use super::error::RuntimeError;

/// Whether a network can be asked in the vocabulary that its bundle gives it, if it gives it one.
///
/// # Errors
/// What is wrong with the vocabulary.
pub fn check_vocabulary(bundle: &Bundle, part: &Part<'_>) -> Result<(), RuntimeError> {
    if part.tokenizer.is_none() {
        return Ok(());
    }
    match part.stage {
        Stage::Retrieve => texts(bundle).map(drop),
        Stage::Recognise if bundle.joint().is_some() => joint_words(bundle).map(drop),
        Stage::Recognise => words(bundle).map(drop),
        Stage::Entail => entail_prompts(bundle).map(drop),
        Stage::Ground => ground_phrases(bundle).map(drop),
        Stage::Segment => Ok(()),
    }
}

pub(super) fn words(bundle: &Bundle) -> Result<WordTokenizer, RuntimeError> {
    let part = bundle.recognise()?;
    let reads = part.network.reads();
    let (file, bytes) = bundle.tokenizer(Stage::Recognise, part.tokenizer.as_ref())?;
    let tokenizer =
        WordTokenizer::from_bytes(&file, &bytes, reads.longest).map_err(RuntimeError::WordTokenizer)?;
    fits(Stage::Recognise, file, tokenizer.vocabulary(), reads.rows)?;
    Ok(tokenizer.with_style(part.text))
}

/// The words that a joint network reads.
pub(super) fn joint_words(bundle: &Bundle) -> Result<WordTokenizer, RuntimeError> {
    let part = joint(bundle)?;
    let Reads { rows, longest, .. } = part.network.reads();
    let (file, bytes) = bundle.tokenizer(Stage::Recognise, part.tokenizer.as_ref())?;
    let tokenizer = WordTokenizer::from_bytes(&file, &bytes, longest).map_err(RuntimeError::WordTokenizer)?;
    fits(Stage::Recognise, file, tokenizer.vocabulary(), rows)?;
    Ok(tokenizer.with_style(part.text))
}

/// The part of a joint network.
pub(super) fn joint(bundle: &Bundle) -> Result<&Joint, BundleError> {
    bundle.joint().ok_or_else(|| bundle.lacks(Stage::Recognise))
}

/// The tagger's labels.
pub(super) fn labels(bundle: &Bundle) -> Result<LabelSet, RuntimeError> {
    Ok(bundle.recognise()?.label_set(&bundle.manifest().entity_types)?)
}

/// How the encoder of posts reads texts: in the words that the tagger reads.
pub(super) fn texts(bundle: &Bundle) -> Result<TextTokenizer, RuntimeError> {
    let part = bundle.retrieve()?;
    let Reads { rows, longest, .. } = part.network.reads();
    let (file, bytes) = bundle.tokenizer(Stage::Retrieve, part.tokenizer.as_ref())?;
    let tokenizer = WordTokenizer::from_bytes(&file, &bytes, longest).map_err(RuntimeError::TextTokenizer)?;
    fits(Stage::Retrieve, file, tokenizer.vocabulary(), rows)?;
    Ok(Box::new(move |text| tokenizer.encode_text(text, &split_words(text))))
}

pub(super) fn entail_prompts(bundle: &Bundle) -> Result<PromptEncoder, RuntimeError> {
    let part = bundle.entail()?;
    let question = (part.prompt.as_str(), part.network.reads());
    let encoder = questions(bundle, Stage::Entail, part.tokenizer.as_ref(), question)?;
    Ok(encoder.with_style(part.network.descriptor().style))
}

pub(super) fn ground_phrases(bundle: &Bundle) -> Result<PhraseEncoder, RuntimeError> {
    let part = bundle.ground()?;
    let stage = Stage::Ground;
    let reads = part.network.reads();
    let Reads { rows, longest, vocabulary } = reads;
    if vocabulary == VocabularyKind::Pieces {
        let question = (part.prompt.as_str(), reads);
        let encoder = questions(bundle, stage, part.tokenizer.as_ref(), question)?;
        return Ok(encoder.with_style(part.network.descriptor().style).into());
    }
    let (file, bytes) = bundle.tokenizer(stage, part.tokenizer.as_ref())?;
    let list = WordList::from_bytes(&file, &bytes, longest)
        .map_err(|source| RuntimeError::WordList { stage, source })?;
    // A word's row means that word alone: a list that is longer or shorter is another network's.
    let words = list.size();
    if i64::try_from(words).is_ok_and(|words| words == rows) {
        return Ok(list.into());
    }
    Err(RuntimeError::Words { file, stage, words, rows })
}

fn questions(
    bundle: &Bundle,
    stage: Stage,
    entry: Option<&FileEntry>,
    (template, Reads { rows, longest, .. }): (&str, Reads),
) -> Result<PromptEncoder, RuntimeError> {
    let (file, bytes) = bundle.tokenizer(stage, entry)?;
    let encoder = vocabulary::tokenizer(&bytes)
        .map_err(|source| PromptError::Read { path: file.clone(), source })
        .and_then(|tokenizer| PromptEncoder::new(tokenizer, template, longest))
        .map_err(|source| RuntimeError::Prompt { stage, source })?;
    fits(stage, file, encoder.vocabulary(), rows)?;
    Ok(encoder)
}

/// A network may have more rows than its tokenizer has pieces; the other way round a text could ask for a row that
/// is not there.
fn fits(stage: Stage, file: PathBuf, pieces: usize, rows: i64) -> Result<(), RuntimeError> {
    if i64::try_from(pieces).is_ok_and(|pieces| pieces <= rows) {
        return Ok(());
    }
    Err(RuntimeError::Vocabulary { file, stage, pieces, rows })
}
