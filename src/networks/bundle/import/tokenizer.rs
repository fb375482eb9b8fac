//! Vocabulary of an imported network: the tokenizer must belong to the network. A wrong one gives answers too, and bad ones.

use tokenizers::Tokenizer;

use super::request::Import;
use crate::domain::Stage;
use crate::networks::bundle::manifest::Manifest;
use crate::networks::descriptor::{ImportError, Importing, PieceFaults};
use crate::networks::weights::{BundleError, Fault};
use crate::stages::prompt::PromptEncoder;
use crate::stages::recognise::{TextStyle, WordTokenizer};
use crate::stages::vocabulary::{Layout, PublishedVocabulary, first_passing, read};

/// A tokenizer that belongs to its network.
pub(super) struct Fitting {
    /// The file that the bundle holds.
    pub(super) tokenizer: Tokenizer,
    /// What asks the network its question; none for a tagger.
    pub(super) prompts: Option<PromptEncoder>,
    /// The form in which texts are read that go with the vocabulary.
    pub(super) text: TextStyle,
    /// What was read, and what looks wrong, for people.
    pub(super) notes: Vec<String>,
}

impl Import {
    /// Reads the tokenizer, if one is given, and checks that the network of `alone`, a bundle of the one stage, can be
    /// asked in its pieces.
    pub(super) fn fitting_tokenizer(
        &self,
        alone: &Manifest,
        importing: &Importing,
    ) -> Result<Option<Fitting>, ImportError> {
        let parts = alone.parts();
        let Some(part) = parts.first().filter(|_| !self.tokenizer.is_empty()) else { return Ok(None) };
        let pieces = importing.pieces.as_ref();
        let published = read(&self.tokenizer, pieces.map(|pieces| (pieces.locations)(part.dimensions)))?;
        let too_many = part.reads.and_then(|reads| too_many(&published, reads.rows));
        let mut faults: Vec<Fault> = too_many.into_iter().collect();
        let mut notes = Vec::new();
        let found = pieces.map_or_else(PieceFaults::default, |pieces| {
            (pieces.faults)(&published.tokenizer, part.dimensions)
        });
        faults.extend(found.always);
        if published.layout != Layout::TokenizerJson {
            faults.extend(found.published);
        } else if self.stage == Stage::Entail {
            let file = published.file.display();
            notes.extend(found.published.iter().map(|fault| format!("warning: `{file}`: {fault}")));
        }
        let tokenizer = published.tokenizer.clone();
        let prompts = match (part.prompt, part.reads) {
            (Some(prompt), Some(reads)) => match PromptEncoder::new(tokenizer, prompt, reads.longest) {
                Ok(prompts) => Some(prompts.with_style(part.style)),
                Err(error) => {
                    faults.push(Fault::new("its pieces", "those of the network's questions", error));
                    None
                }
            },
            (None, Some(reads)) => {
                if let Err(error) = WordTokenizer::new(tokenizer, reads.longest) {
                    faults.push(Fault::new("its pieces", "those that every text needs", error));
                }
                None
            }
            (_, None) => None,
        };
        if !faults.is_empty() {
            return Err(BundleError::Unfit { file: published.file, faults }.into());
        }
        let pieces = published.tokenizer.get_vocab_size(true);
        notes.insert(0, format!("tokenizer: {pieces} pieces from {}", published.layout));
        let text = match published.layout {
            Layout::Bertweet => TextStyle::Bertweet,
            _ => TextStyle::default(),
        };
        Ok(Some(Fitting { tokenizer: published.tokenizer, prompts, text, notes }))
    }
}

/// A tokenizer may not know more pieces than its network has rows.
pub(super) fn too_many(published: &PublishedVocabulary, rows: i64) -> Option<Fault> {
    let ids = published.tokenizer.get_vocab(true).into_values();
    let passing = first_passing(&published.tokenizer).unwrap_or(u32::MAX);
    let highest = ids.filter(|id| *id < passing).max().unwrap_or(0);
    let expected = format!("ids below {rows}, the network's rows (its `vocabulary`)");
    (i64::from(highest) >= rows).then(|| Fault::new("its pieces", expected, format!("ids up to {highest}")))
}
