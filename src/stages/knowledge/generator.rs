//! Knowledge generator: what a language model says about a post, after examples.

use super::{Example, ExampleRetriever, Examples, KnowledgePrompt};
use crate::common::Reloadable;
use crate::llm::answers::Kind;
use crate::llm::cached::{CachedEndpoint, Degrade, NoAnswer};

/// Generates knowledge about posts.
pub struct KnowledgeGenerator {
    /// The language model.
    pub endpoint: CachedEndpoint,
    /// The wording of the question.
    pub prompt: Reloadable<KnowledgePrompt>,
    /// All examples, in the order of the file.
    pub examples: Examples,
    /// How many examples a question shows.
    pub shown: usize,
    /// Chooses the examples; none: the first ones are shown.
    pub retriever: Option<ExampleRetriever>,
    /// What happens to a post without an answer.
    pub degrade: Degrade,
}

/// Knowledge for the tagger, and what failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeneratedKnowledge {
    /// The knowledge; may be empty.
    pub text: String,
    /// The fault, as a note for the provenance.
    pub fault: Option<String>,
}

/// The settings demand knowledge, and there was none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no language model said which entities the text names")]
pub struct NoKnowledge(#[source] pub NoAnswer);

impl KnowledgeGenerator {
    /// Generates knowledge about a text whose picture has this caption, after the examples with these numbers, or after the
    /// first ones.
    ///
    /// # Errors
    /// The endpoint gave no answer, and the settings demand one.
    pub async fn generate(
        &self,
        text: &str,
        caption: Option<&str>,
        similar: Option<&[usize]>,
    ) -> Result<GeneratedKnowledge, NoKnowledge> {
        let examples: Vec<&Example> = match similar {
            Some(numbers) => numbers.iter().filter_map(|&number| self.examples.list.get(number)).collect(),
            None => self.examples.list.iter().take(self.shown).collect(),
        };
        let question = self.prompt.get().question(&examples, text, caption);
        let subject: String = text.chars().take(SUBJECT_CHARS).collect();
        match self.endpoint.ask(Kind::Knowledge, &subject, (question, None)).await {
            Ok(said) => Ok(GeneratedKnowledge {
                text: said.map(|said| said.to_string()).unwrap_or_default(),
                fault: None,
            }),
            Err(error) if self.degrade == Degrade::DeadLetter => Err(NoKnowledge(error)),
            Err(error) => Ok(GeneratedKnowledge {
                text: String::new(),
                fault: Some(format!("the tagger was told nothing: {error}")),
            }),
        }
    }
}

/// The characters of a text that label its answer in the cache.
const SUBJECT_CHARS: usize = 120;
