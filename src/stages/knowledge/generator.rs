//! What should the tagger know of a post? What a language model says of it after examples.

use super::{Example, ExampleRetriever, Examples, KnowledgePrompt};
use crate::llm::answers::Kind;
use crate::llm::cached::{CachedEndpoint, Degrade, NoAnswer};

/// Asks for knowledge.
pub struct KnowledgeGenerator {
    /// Who is asked.
    pub endpoint: CachedEndpoint,
    /// In which text.
    pub prompt: KnowledgePrompt,
    /// What may be shown, in the file's order.
    pub examples: Examples,
    /// How many of them are.
    pub shown: usize,
    /// How those that are shown are chosen; nothing: they are the first.
    pub retriever: Option<ExampleRetriever>,
    /// What becomes of a post without an answer.
    pub degrade: Degrade,
}

/// What the tagger may read beside a text, and what could not be done as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GeneratedKnowledge {
    /// The model's text; empty: none.
    pub text: String,
    /// Why there are none, in text for the provenance.
    pub fault: Option<String>,
}

/// The settings want no answer without knowledge, and there was none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no language model said which entities the text names")]
pub struct NoKnowledge(#[source] pub NoAnswer);

impl KnowledgeGenerator {
    /// What is said of a text whose picture has this caption, after the examples of these numbers; the first ones where
    /// none are given.
    ///
    /// # Errors
    /// The endpoint gave no answer, and the settings want no post published without.
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
        let question = self.prompt.question(&examples, text, caption);
        let subject: String = text.chars().take(SUBJECT).collect();
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

/// Of a text, what those see who look through the answers: enough to know it by.
const SUBJECT: usize = 120;
