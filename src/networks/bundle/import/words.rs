//! Words of an imported network that reads whole words: they must be as many as its table has rows.

use std::path::PathBuf;

use super::request::Import;
use crate::common::plain_file;
use crate::networks::bundle::manifest::Manifest;
use crate::networks::checkpoint::{Family, pickled_words};
use crate::networks::descriptor::{ImportError, VocabularyKind};
use crate::networks::weights::{BundleError, Fault};
use crate::stages::prompt::WordList;

/// Names of files of words: two dictionaries as SeqTR's authors pickle them, or a list, one word a line.
const NAMES: [&str; 3] = ["token_to_ix.pkl", "ix_to_token.pkl", "words.txt"];

/// The words in the order of their ids, as a bundle holds them, and a note for people.
pub(super) struct Words {
    pub(super) json: Vec<u8>,
    pub(super) note: String,
}

impl Import {
    /// Reads the words of the network of `alone`, a bundle of the one stage; none if it reads pieces.
    pub(super) fn words(
        &self,
        alone: &Manifest,
        family: &'static Family,
    ) -> Result<Option<Words>, ImportError> {
        let parts = alone.parts();
        let reads = parts.first().and_then(|part| part.reads);
        let Some(reads) = reads.filter(|reads| reads.vocabulary == VocabularyKind::Words) else {
            return Ok(None);
        };
        if self.tokenizer.is_empty() {
            return Err(ImportError::NoWords { file: self.from.clone(), family, rows: reads.rows });
        }
        let file = self.file_of_words();
        let unreadable = |source| BundleError::Read { file: file.clone(), source };
        let words = if file.extension().is_some_and(|extension| extension == "pkl") {
            pickled_words(&file)?
        } else {
            let bytes = plain_file::read(&file).map_err(unreadable)?;
            let text = String::from_utf8(bytes).map_err(|error| unreadable(std::io::Error::other(error)))?;
            WordList::listed(&text).map_err(|error| unreadable(std::io::Error::other(error)))?
        };
        let unfit = |expected: String, found: String| {
            let faults = vec![Fault::new("its words", expected, found)];
            BundleError::Unfit { file: file.clone(), faults }
        };
        if words.len() as i64 != reads.rows {
            let expected = format!("{}, as many as the network's table has rows", reads.rows);
            return Err(unfit(expected, words.len().to_string()).into());
        }
        if let Err(error) = WordList::new(words.clone(), reads.longest) {
            return Err(unfit("PAD, UNK, CLS and then each word once".to_owned(), error.to_string()).into());
        }
        let json = serde_json::to_vec(&words).map_err(|error| unreadable(error.into()))?;
        let note =
            format!("words: {} from `{}`, up to {} of a phrase", words.len(), file.display(), reads.longest);
        Ok(Some(Words { json, note }))
    }

    /// The first of the known names in a folder that is given, or else the first file.
    fn file_of_words(&self) -> PathBuf {
        let within =
            |folder: &PathBuf| NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file());
        let found = self.tokenizer.iter().filter(|given| given.is_dir()).find_map(within);
        let files = || self.tokenizer.iter().find(|given| !given.is_dir()).cloned();
        found.or_else(files).unwrap_or_else(|| self.tokenizer[0].join(NAMES[0]))
    }
}
