//! Who knows the expansion? The sources in order, the first that knows.

use futures_util::future::join_all;

use super::prompt;
use super::{Context, ExpansionPrompt, Lexicon, Mix, PhraseTemplate, Scope};
use crate::domain::{Mention, ModelAnswer, Phrase, PhraseSource};
use crate::llm::answers::Kind;
use crate::llm::cached::{CachedEndpoint, Degrade, NoAnswer};

/// Turns mentions into phrases.
pub struct Expander {
    sources: Vec<Source>,
    template: PhraseTemplate,
    degrade: Degrade,
}

/// Someone who may know what an entity looks like.
pub enum Source {
    /// A file.
    Lexicon(Lexicon),
    /// Language models.
    Llm(LlmExpansion),
}

/// How language models are asked.
pub struct LlmExpansion {
    /// Who, in this order.
    pub endpoints: Vec<CachedEndpoint>,
    /// In which words.
    pub prompt: ExpansionPrompt,
    /// How much of the post they see.
    pub scope: Scope,
    /// One or all of them.
    pub mix: Mix,
}

/// A phrase, and what could not be done as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandedPhrase {
    /// What to look for.
    pub phrase: Phrase,
    /// Why no language model was heard, in words for the provenance.
    pub fault: Option<String>,
}

/// The settings want no answer without a language model's, and there was none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no language model said what `{entity}` looks like")]
pub struct NoExpansion {
    /// The entity.
    pub entity: String,
    /// What went wrong last.
    #[source]
    pub source: NoAnswer,
}

impl Expander {
    /// Asks `sources` in this order, without any of them all phrases are names alone.
    #[must_use]
    pub fn new(sources: Vec<Source>, template: PhraseTemplate, degrade: Degrade) -> Self {
        Self { sources, template, degrade }
    }

    /// The lexicon among the sources.
    #[must_use]
    pub fn lexicon(&self) -> Option<&Lexicon> {
        self.sources.iter().find_map(|source| match source {
            Source::Lexicon(lexicon) => Some(lexicon),
            Source::Llm(_) => None,
        })
    }

    /// Whether any question holds the text and the description of the picture.
    #[must_use]
    pub fn uses_post_context(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Llm(llm) if llm.scope == Scope::Post))
    }

    /// What to look for in a picture of this entity. Nobody knows: its name and type, which is a phrase too.
    ///
    /// # Errors
    /// No endpoint answered, nobody after it knew, and the settings want no post published without.
    pub async fn phrase(&self, mention: &Mention, context: &Context) -> Result<ExpandedPhrase, NoExpansion> {
        let mut fault = None;
        for source in &self.sources {
            let (source, told) = match source {
                Source::Lexicon(lexicon) => {
                    let known = lexicon.get(&mention.text, &mention.entity_type);
                    let told = known.map(|text| ModelAnswer { endpoint: None, text: text.to_string() });
                    (PhraseSource::Lexicon, told.into_iter().collect())
                }
                Source::Llm(llm) => {
                    let (told, failed) = llm.ask(mention, context).await;
                    fault = failed.or(fault);
                    (PhraseSource::Llm, told)
                }
            };
            if !told.is_empty() {
                return Ok(ExpandedPhrase { phrase: self.told(mention, source, told), fault: None });
            }
        }
        let entity = mention.text.clone();
        match (fault, self.degrade) {
            (Some(source), Degrade::DeadLetter) => Err(NoExpansion { entity, source }),
            (fault, _) => {
                let phrase = self.told(mention, PhraseSource::NameOnly, Vec::new());
                let fault = fault.map(|error| format!("`{entity}` was not expanded: {error}"));
                Ok(ExpandedPhrase { phrase, fault })
            }
        }
    }

    fn told(&self, mention: &Mention, source: PhraseSource, told: Vec<ModelAnswer>) -> Phrase {
        let expansion = told.first().map(|told| told.text.clone());
        Phrase {
            text: self.template.fill(&mention.text, mention.entity_type.as_str(), expansion.as_deref()),
            expansion,
            source,
            answers: if source == PhraseSource::Llm { told } else { Vec::new() },
        }
    }
}

impl LlmExpansion {
    /// What the endpoints say, in their order, and the last fault where one failed.
    async fn ask(&self, mention: &Mention, context: &Context) -> (Vec<ModelAnswer>, Option<NoAnswer>) {
        let question = self.prompt.question(mention, context, self.scope);
        let subject = prompt::subject(&mention.text, &mention.entity_type);
        let ask = |endpoint: &CachedEndpoint| {
            let (endpoint, question, subject) = (endpoint.clone(), question.clone(), subject.clone());
            async move {
                let said = endpoint.ask(Kind::Expansion, &subject, (question, None)).await?;
                Ok(said.map(|text| ModelAnswer {
                    endpoint: Some(endpoint.name().to_owned()),
                    text: text.to_string(),
                }))
            }
        };
        let (mut told, mut fault) = (Vec::new(), None);
        let mut heard = |answer: Result<Option<ModelAnswer>, NoAnswer>| match answer {
            Ok(one) => {
                told.extend(one);
                !told.is_empty()
            }
            Err(error) => {
                fault = Some(error);
                false
            }
        };
        match self.mix {
            Mix::All => join_all(self.endpoints.iter().map(ask)).await.into_iter().for_each(|answer| {
                heard(answer);
            }),
            Mix::First => {
                for endpoint in &self.endpoints {
                    if heard(ask(endpoint).await) {
                        break;
                    }
                }
            }
        }
        (told, fault)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::{EntityType, Span};

    fn mention(text: &str, entity_type: &str) -> Mention {
        let end = text.chars().count();
        let span = Span { start: 0, end, byte_start: 0, byte_end: text.len() };
        Mention { text: text.to_owned(), entity_type: EntityType::new(entity_type), span, score: 1.0 }
    }

    fn lexicon(entries: &[(&str, &str, &str)]) -> Source {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lexicon.jsonl");
        let line = |(surface, entity_type, expansion): &(&str, &str, &str)| {
            serde_json::json!({"surface": surface, "type": entity_type, "expansion": expansion}).to_string()
        };
        fs::write(&path, entries.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
        Source::Lexicon(Lexicon::load(&path).unwrap())
    }

    #[tokio::test]
    async fn the_first_source_that_knows_is_believed() {
        let users = lexicon(&[("Jordan", "PER", "a man in blue")]);
        let bundles = lexicon(&[("Jordan", "PER", "a man in red"), ("Vorlan", "LOC", "a stone bridge")]);
        let expander =
            Expander::new(vec![users, bundles], PhraseTemplate::default(), Degrade::PublishWithout);
        assert!(!expander.uses_post_context());
        let cases = [
            ("Jordan", "PER", "Jordan (PER) - a man in blue", PhraseSource::Lexicon),
            ("Vorlan", "LOC", "Vorlan (LOC) - a stone bridge", PhraseSource::Lexicon),
            ("Jordan", "OTHER", "Jordan (OTHER)", PhraseSource::NameOnly),
        ];
        for (text, entity_type, expected, source) in cases {
            let found = expander.phrase(&mention(text, entity_type), &Context::default()).await.unwrap();
            assert_eq!((found.phrase.text.as_str(), found.phrase.source), (expected, source));
            assert_eq!(found.phrase.expansion.is_some(), source == PhraseSource::Lexicon);
            assert_eq!((found.fault, found.phrase.answers), (None, Vec::new()));
        }
    }
}
