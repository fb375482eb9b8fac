//! Vocabularies: reads the layouts in which vocabularies are published, and makes a tokenizer for a bundle.
//!
//! Read [`read`] first: it detects the layout by file names ([`files`]): [`byte_pairs`] of OFA, those of [`roberta`] and of
//! [`bertweet`], [`word_pieces`] of BERT, [`sentence_pieces`] of XLM-R and DeBERTa. A [`tokenizer_json`] is used as it is, if its normalisation is one of those that published
//! vocabularies use.

mod error;
mod files;
mod byte_pairs;
mod roberta;
mod bertweet;
mod word_pieces;
mod sentence_pieces;
mod protobuf;
mod charsmap;
mod tokenizer_json;

use std::fmt;
use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use files::Files;

pub use bertweet::first_passing;
pub use byte_pairs::Locations;
pub use error::VocabularyError;
pub use tokenizer_json::tokenizer;

/// A vocabulary and its origin.
#[derive(Debug)]
pub struct PublishedVocabulary {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The layout of its files.
    pub layout: Layout,
    /// The file with the ids of the pieces.
    pub file: PathBuf,
}

/// The layout of a published vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A `tokenizer.json`.
    TokenizerJson,
    /// fairseq's `dict.txt` over GPT-2's `encoder.json` and `vocab.bpe`: OFA by its authors.
    Fairseq,
    /// `vocab.json` and `merges.txt`: OFA and RoBERTa by Hugging Face.
    BytePairs,
    /// `vocab.txt`: BERT.
    WordPieces {
        /// Whether texts are lower-cased and accents removed.
        lower_case: bool,
    },
    /// `sentencepiece.bpe.model` of XLM-R, or `spm.model` of DeBERTa.
    SentencePieces,
    /// `vocab.txt` with counts, and `bpe.codes`: BERTweet.
    Bertweet,
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TokenizerJson => "a `tokenizer.json`",
            Self::Fairseq => "fairseq's `dict.txt` over GPT-2's byte pairs",
            Self::BytePairs => "Hugging Face's `vocab.json` and `merges.txt`",
            Self::WordPieces { lower_case: true } => "an uncased `vocab.txt`",
            Self::WordPieces { lower_case: false } => "a cased `vocab.txt`",
            Self::SentencePieces => "a sentencepiece model",
            Self::Bertweet => "BERTweet's `vocab.txt` and `bpe.codes`",
        })
    }
}

/// Whether a folder has files of a vocabulary.
#[must_use]
pub fn is_in(folder: &Path) -> bool {
    Files::are_in(folder)
}

/// Reads the vocabulary in a folder or in files; `locations` are those of an OFA, none for other networks.
///
/// # Errors
/// [`VocabularyError`]: the file, the place in it, what was expected and what was found.
pub fn read(given: &[PathBuf], locations: Option<Locations>) -> Result<PublishedVocabulary, VocabularyError> {
    let files = Files::find(given)?;
    if let Some(file) = &files.ready {
        let tokenizer = tokenizer(&files::bytes(file)?);
        let tokenizer = tokenizer.map_err(|source| VocabularyError::unusable(file, source))?;
        return Ok(PublishedVocabulary { tokenizer, layout: Layout::TokenizerJson, file: file.clone() });
    }
    let (tokenizer, layout, file) = match (&files, locations) {
        (
            Files { ids: Some(ids), merges: Some(merges), dictionary: Some(dictionary), .. },
            Some(locations),
        ) => {
            let tokenizer = byte_pairs::fairseq(dictionary, ids, merges, locations)?;
            (tokenizer, Layout::Fairseq, dictionary)
        }
        (Files { ids: Some(ids), merges: Some(merges), .. }, Some(locations)) => {
            (byte_pairs::hugging_face(ids, merges, locations)?, Layout::BytePairs, ids)
        }
        (Files { sentences: Some(model), .. }, None) => {
            (sentence_pieces::tokenizer(model)?, Layout::SentencePieces, model)
        }
        (Files { words: Some(words), codes: Some(codes), .. }, None) => {
            (bertweet::bertweet(words, codes)?, Layout::Bertweet, words)
        }
        (Files { ids: Some(ids), merges: Some(merges), dictionary: None, .. }, None) => {
            (roberta::roberta(ids, merges)?, Layout::BytePairs, ids)
        }
        (Files { words: Some(words), .. }, None) => {
            let (tokenizer, lower_case) = word_pieces::bert(words, files.settings.as_deref())?;
            (tokenizer, Layout::WordPieces { lower_case }, words)
        }
        _ => return Err(files.incomplete(given, locations.is_some())),
    };
    Ok(PublishedVocabulary { tokenizer, layout, file: file.clone() })
}
