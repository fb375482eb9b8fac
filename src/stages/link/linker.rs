//! Linker: the real entity of a mention, from the first source that decides.

use std::sync::Arc;

use super::choice;
use super::{LinkContext, LinkPrompt};
use crate::domain::Mention;
use crate::llm::answers::Kind;
use crate::llm::cached::{
    AnswerReader, CachedEndpoint, Degrade, NoAnswer, escape_untrusted, subject_of_name,
};
use crate::stages::lexicon::{Candidate, Lexicon};

/// The most candidates in a question: each is one line of it. A lexicon rarely has more for one name.
const MAX_CANDIDATES: usize = 50;

/// Links mentions to real entities.
#[derive(Default)]
pub struct Linker {
    lexicon: Option<Arc<Lexicon>>,
    sources: Vec<Source>,
    degrade: Degrade,
}

/// A source of links.
pub enum Source {
    /// The lexicon, for names that can mean one entity alone.
    Lexicon,
    /// Language models, for names with candidates.
    Llm(LlmChoice),
}

/// Language models that choose among candidates.
pub struct LlmChoice {
    /// The endpoints, asked one after another until one answers.
    pub endpoints: Vec<CachedEndpoint>,
    /// The wording of the question.
    pub prompt: LinkPrompt,
}

/// The entity of a mention, and what failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// The entity; none where the name stays unlinked.
    pub candidate: Option<Candidate>,
    /// Why nobody decided, as a note for the provenance.
    pub fault: Option<String>,
}

/// The settings demand an answer of a language model, and there was none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no language model said which entity `{entity}` is")]
pub struct NoLink {
    /// The name.
    pub entity: String,
    /// The last fault.
    #[source]
    pub source: NoAnswer,
}

impl Linker {
    /// A linker with these sources in order. Without a lexicon or without sources nothing is linked.
    #[must_use]
    pub fn new(lexicon: Option<Arc<Lexicon>>, sources: Vec<Source>, degrade: Degrade) -> Self {
        Self { lexicon, sources, degrade }
    }

    /// The entity that a mention means.
    ///
    /// # Errors
    /// The endpoints failed, and the settings demand an answer.
    pub async fn link(&self, mention: &Mention, context: LinkContext<'_>) -> Result<Linked, NoLink> {
        let Some(lexicon) = &self.lexicon else { return Ok(Linked::default()) };
        let candidates = lexicon.candidates(&mention.text, &mention.entity_type);
        if candidates.iter().all(|candidate| candidate.iri.is_none()) {
            return Ok(Linked::default());
        }
        for source in &self.sources {
            match source {
                Source::Lexicon => {
                    if let [only] = candidates {
                        return Ok(Linked { candidate: Some(only.clone()), fault: None });
                    }
                }
                Source::Llm(choice) => return self.chosen(choice, mention, candidates, context).await,
            }
        }
        Ok(Linked::default())
    }

    async fn chosen(
        &self,
        choice: &LlmChoice,
        mention: &Mention,
        candidates: &[Candidate],
        context: LinkContext<'_>,
    ) -> Result<Linked, NoLink> {
        let asked = &candidates[..candidates.len().min(MAX_CANDIDATES)];
        let entity = escape_untrusted(&mention.text);
        match (choice.ask(mention, asked, context).await, self.degrade) {
            (Ok(None), _) if asked.len() < candidates.len() => {
                let (most, all) = (asked.len(), candidates.len());
                let fault =
                    format!("`{entity}` was not linked: none of the first {most} of {all} candidates fits");
                Ok(Linked { candidate: None, fault: Some(fault) })
            }
            (Ok(number), _) => {
                let candidate = number.and_then(|number| asked.get(number)).cloned();
                Ok(Linked { candidate, fault: None })
            }
            (Err(source), Degrade::DeadLetter) => Err(NoLink { entity: mention.text.clone(), source }),
            (Err(fault), Degrade::PublishWithout) => {
                let fault = format!("`{entity}` was not linked: {fault}");
                Ok(Linked { candidate: None, fault: Some(fault) })
            }
        }
    }
}

impl LlmChoice {
    /// The place of the chosen candidate, from 0; none where no candidate fits or the model does not know.
    ///
    /// # Errors
    /// The last endpoint's fault, where none answered.
    async fn ask(
        &self,
        mention: &Mention,
        candidates: &[Candidate],
        context: LinkContext<'_>,
    ) -> Result<Option<usize>, NoAnswer> {
        let question = self.prompt.question(mention, candidates, context);
        let subject = subject_of_name(&mention.text, &mention.entity_type);
        let most = candidates.len();
        let reader = AnswerReader::new(
            "",
            move |text| choice::read(text, most).map(|number| number.to_string()),
            move |stored| choice::from_stored(stored, most).is_some(),
        );
        let mut fault = None;
        for endpoint in &self.endpoints {
            match endpoint.ask_object(Kind::Link, &subject, (question.clone(), Vec::new()), &reader).await {
                Ok(answer) => {
                    let number = answer.and_then(|stored| choice::from_stored(&stored, most));
                    return Ok(number.and_then(|number| number.checked_sub(1)));
                }
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(None), Err)
    }
}
