//! Expander: the phrase of a mention, from the first source with an expansion.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{Context, ExpansionFile, ExpansionPrompt, Mix, PhraseTemplate, Scope};
use crate::domain::{Mention, ModelAnswer, Phrase, PhraseSource};
use crate::llm::answers::Kind;
use crate::llm::cached::{CachedEndpoint, Degrade, NoAnswer, subject_of_name};
use crate::stages::lexicon::{Candidate, Lexicon};

/// Turns mentions into phrases.
pub struct Expander {
    sources: Vec<Source>,
    template: PhraseTemplate,
    degrade: Degrade,
}

/// A source of expansions.
pub enum Source {
    /// The lexicon.
    Lexicon(Arc<Lexicon>),
    /// Published answers.
    File(ExpansionFile),
    /// Language models.
    Llm(LlmExpansion),
}

/// Expansion by language models.
pub struct LlmExpansion {
    /// The endpoints, in order.
    pub endpoints: Vec<CachedEndpoint>,
    /// The wording of the question.
    pub prompt: ExpansionPrompt,
    /// How much of the post a question contains.
    pub scope: Scope,
    /// Whether all endpoints are asked.
    pub mix: Mix,
}

/// A phrase, and what failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandedPhrase {
    /// The phrase to ground.
    pub phrase: Phrase,
    /// The fault of the language models, as a note for the provenance.
    pub fault: Option<String>,
}

/// The settings demand an answer of a language model, and there was none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no language model said what `{entity}` looks like")]
pub struct NoExpansion {
    /// The entity.
    pub entity: String,
    /// The last fault.
    #[source]
    pub source: NoAnswer,
}

impl Expander {
    /// An expander with these sources in order; without sources a phrase is the name alone.
    #[must_use]
    pub fn new(sources: Vec<Source>, template: PhraseTemplate, degrade: Degrade) -> Self {
        Self { sources, template, degrade }
    }

    /// The lexicon among the sources.
    #[must_use]
    pub fn lexicon(&self) -> Option<&Lexicon> {
        self.sources.iter().find_map(|source| match source {
            Source::Lexicon(lexicon) => Some(lexicon.as_ref()),
            Source::File(_) | Source::Llm(_) => None,
        })
    }

    /// The files of published answers among the sources.
    pub fn files(&self) -> impl Iterator<Item = &ExpansionFile> {
        self.sources.iter().filter_map(|source| match source {
            Source::File(file) => Some(file),
            Source::Lexicon(_) | Source::Llm(_) => None,
        })
    }

    /// Whether any question contains the post's text and captions.
    #[must_use]
    pub fn uses_post_context(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Llm(llm) if llm.scope == Scope::Post))
    }

    /// The phrase of a mention; without an expansion, its name and type. Where the name is linked to one of the lexicon's
    /// candidates, that candidate's expansion is the lexicon's.
    ///
    /// # Errors
    /// The endpoints failed, no later source has an expansion, and the settings demand an answer.
    pub async fn phrase(
        &self,
        mention: &Mention,
        linked: Option<&Candidate>,
        context: &Context,
    ) -> Result<ExpandedPhrase, NoExpansion> {
        let mut fault = None;
        for source in &self.sources {
            let (source, answers) = match source {
                Source::Lexicon(lexicon) => {
                    let known = lexicon.get(&mention.text, &mention.entity_type);
                    let expansion =
                        known.map(|known| linked.map_or(known, |candidate| Arc::clone(&candidate.expansion)));
                    let answers =
                        expansion.map(|text| ModelAnswer { endpoint: None, text: text.to_string() });
                    (PhraseSource::Lexicon, answers.into_iter().collect())
                }
                Source::File(file) => {
                    let told = file.about(&context.post, &mention.text, &mention.entity_type);
                    let answer = told.map(|text| ModelAnswer { endpoint: None, text: text.to_owned() });
                    (PhraseSource::File, answer.into_iter().collect())
                }
                Source::Llm(llm) => {
                    let (answers, failed) = llm.ask(mention, context).await;
                    fault = failed.or(fault);
                    (PhraseSource::Llm, answers)
                }
            };
            if !answers.is_empty() {
                return Ok(ExpandedPhrase { phrase: self.fill(mention, source, answers), fault: None });
            }
        }
        let entity = mention.text.clone();
        match (fault, self.degrade) {
            (Some(source), Degrade::DeadLetter) => Err(NoExpansion { entity, source }),
            (fault, _) => {
                let phrase = self.fill(mention, PhraseSource::NameOnly, Vec::new());
                let fault = fault.map(|error| format!("`{entity}` was not expanded: {error}"));
                Ok(ExpandedPhrase { phrase, fault })
            }
        }
    }

    fn fill(&self, mention: &Mention, source: PhraseSource, answers: Vec<ModelAnswer>) -> Phrase {
        let expansion = answers.first().map(|answer| answer.text.clone());
        Phrase {
            text: self.template.fill(&mention.text, mention.entity_type.as_str(), expansion.as_deref()),
            expansion,
            source,
            answers: if source == PhraseSource::Llm { answers } else { Vec::new() },
        }
    }
}

impl LlmExpansion {
    /// The answers of the endpoints, in their order, and the last fault.
    async fn ask(&self, mention: &Mention, context: &Context) -> (Vec<ModelAnswer>, Option<NoAnswer>) {
        let question = self.prompt.question(mention, context, self.scope);
        let subject = subject_of_name(&mention.text, &mention.entity_type);
        let ask = |endpoint: &CachedEndpoint| {
            let (endpoint, question, subject) = (endpoint.clone(), question.clone(), subject.clone());
            async move {
                let answer = endpoint.ask(Kind::Expansion, &subject, (question, None)).await?;
                Ok(answer.map(|text| ModelAnswer {
                    endpoint: Some(endpoint.name().to_owned()),
                    text: text.to_string(),
                }))
            }
        };
        let (mut answers, mut fault) = (Vec::new(), None);
        let mut add = |answer: Result<Option<ModelAnswer>, NoAnswer>| match answer {
            Ok(one) => {
                answers.extend(one);
                !answers.is_empty()
            }
            Err(error) => {
                fault = Some(error);
                false
            }
        };
        match self.mix {
            Mix::All => join_all(self.endpoints.iter().map(ask)).await.into_iter().for_each(|answer| {
                add(answer);
            }),
            Mix::First => {
                for endpoint in &self.endpoints {
                    if add(ask(endpoint).await) {
                        break;
                    }
                }
            }
        }
        (answers, fault)
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
        Source::Lexicon(Arc::new(Lexicon::load(&path).unwrap()))
    }

    #[tokio::test]
    async fn published_answers_are_those_of_the_post() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, lines: &str| {
            let path = folder.path().join(name);
            fs::write(&path, lines).unwrap();
            Source::File(ExpansionFile::load(&path).unwrap())
        };
        let one = file("one.txt", "Imageid:7.jpg###Jordan(PER)###a man in blue\n");
        let lines = "{\"surface\":\"Jordan\",\"type\":\"PER\",\"expansion\":\"a tall man\"}\n";
        let other = file("other.jsonl", lines);
        let expander = Expander::new(vec![one, other], PhraseTemplate::default(), Degrade::PublishWithout);
        for (post, expected) in [("7", "Jordan (PER) - a man in blue"), ("8", "Jordan (PER) - a tall man")] {
            let context = Context { post: post.to_owned(), ..Context::default() };
            let found = expander.phrase(&mention("Jordan", "PER"), None, &context).await.unwrap();
            assert_eq!((found.phrase.text.as_str(), found.phrase.source), (expected, PhraseSource::File));
            assert_eq!(found.phrase.answers, [], "no model answered");
        }
        assert_eq!(expander.files().map(ExpansionFile::len).sum::<usize>(), 2);
    }

    #[tokio::test]
    async fn the_first_source_with_an_expansion_is_used() {
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
            let found =
                expander.phrase(&mention(text, entity_type), None, &Context::default()).await.unwrap();
            assert_eq!((found.phrase.text.as_str(), found.phrase.source), (expected, source));
            assert_eq!(found.phrase.expansion.is_some(), source == PhraseSource::Lexicon);
            assert_eq!((found.fault, found.phrase.answers), (None, Vec::new()));
        }
    }
}
