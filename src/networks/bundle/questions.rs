//! Questions of a bundle's networks: a stage's vocabulary and prompt as the encoder of its phrases.

use super::open::Bundle;
use super::stages::Part;
use crate::networks::descriptor::VocabularyKind;
use crate::networks::weights::{BundleError, Fault};
use crate::stages::prompt::{PhraseEncoder, PromptEncoder, PromptError, WordList};
use crate::stages::vocabulary;

impl Bundle {
    /// The encoder of the phrases of a stage that has a prompt and a vocabulary.
    ///
    /// # Errors
    /// The file of the vocabulary is missing, or cannot be read, or does not fit the prompt.
    pub(super) fn phrases(&self, part: &Part<'_>) -> Result<Option<PhraseEncoder>, BundleError> {
        let (Some(prompt), Some(reads), Some(_)) = (part.prompt, part.reads, part.tokenizer) else {
            return Ok(None);
        };
        let (file, bytes) = self.tokenizer(part.stage, part.tokenizer)?;
        let unfit = |error: &dyn std::error::Error| {
            let faults = vec![Fault::new("its pieces", "those of the network's questions", error)];
            BundleError::Unfit { file: file.clone(), faults }
        };
        if reads.vocabulary == VocabularyKind::Words {
            let words = WordList::from_bytes(&file, &bytes, reads.longest).map_err(|error| unfit(&error))?;
            return Ok(Some(words.into()));
        }
        let tokenizer = vocabulary::tokenizer(&bytes)
            .map_err(|source| PromptError::Read { path: file.clone(), source })
            .map_err(|error| unfit(&error))?;
        let encoder = PromptEncoder::new(tokenizer, prompt, reads.longest).map_err(|error| unfit(&error))?;
        Ok(Some(encoder.with_style(part.style).into()))
    }
}
