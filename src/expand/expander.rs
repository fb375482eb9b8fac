//! Who knows the expansion? The sources in order, the first that knows; what they say is kept.

use std::convert::Infallible;
use std::sync::Arc;

use super::{Lexicon, PhraseTemplate};
use crate::cache::{Cache, CacheCounts};
use crate::domain::{EntityType, Mention, Phrase, PhraseSource};

/// Turns mentions into phrases.
pub struct Expander {
    sources: Vec<Source>,
    template: PhraseTemplate,
    cache: Cache<Key, Option<Expansion>, Infallible>,
}

/// Someone who may know what an entity looks like.
#[derive(Debug)]
pub enum Source {
    /// A file.
    Lexicon(Lexicon),
}

type Key = (String, EntityType);

#[derive(Debug, Clone)]
struct Expansion {
    text: Arc<str>,
    source: PhraseSource,
}

/// What an entry takes beside its texts: two strings, a type, their places in the map and in the order of use.
const ENTRY_OVERHEAD_BYTES: usize = 200;

impl Expander {
    /// Asks `sources` in this order, without any of them all phrases are names alone. What they say is kept in at most
    /// `cache_bytes`.
    #[must_use]
    pub fn new(sources: Vec<Source>, template: PhraseTemplate, cache_bytes: usize) -> Self {
        let weigh = |key: &Key, value: &Option<Expansion>| {
            ENTRY_OVERHEAD_BYTES + key.0.len() + value.as_ref().map_or(0, |expansion| expansion.text.len())
        };
        Self { sources, template, cache: Cache::new(cache_bytes, weigh) }
    }

    /// What to look for in a picture of this entity. Nobody knows: its name and type, which is a phrase too.
    pub async fn phrase(&self, mention: &Mention) -> Phrase {
        let key = (mention.text.clone(), mention.entity_type.clone());
        let asked = async { Ok(self.ask(mention)) };
        let Ok(known) = self.cache.get_or_make(&key, asked).await;
        let expansion = known.as_ref().map(|expansion| &*expansion.text);
        Phrase {
            text: self.template.fill(&mention.text, mention.entity_type.as_str(), expansion),
            expansion: expansion.map(str::to_owned),
            source: known.map_or(PhraseSource::NameOnly, |expansion| expansion.source),
        }
    }

    /// Hits and misses so far.
    #[must_use]
    pub fn cache_counts(&self) -> CacheCounts {
        self.cache.counts()
    }

    fn ask(&self, mention: &Mention) -> Option<Expansion> {
        self.sources.iter().find_map(|source| match source {
            Source::Lexicon(lexicon) => {
                let text = lexicon.get(&mention.text, &mention.entity_type)?;
                Some(Expansion { text, source: PhraseSource::Lexicon })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::Span;

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
        let expander = Expander::new(vec![users, bundles], PhraseTemplate::default(), 10_000);
        let cases = [
            ("Jordan", "PER", "Jordan (PER) - a man in blue", PhraseSource::Lexicon),
            ("Vorlan", "LOC", "Vorlan (LOC) - a stone bridge", PhraseSource::Lexicon),
            ("Jordan", "OTHER", "Jordan (OTHER)", PhraseSource::NameOnly),
        ];
        for (text, entity_type, expected, source) in cases {
            let phrase = expander.phrase(&mention(text, entity_type)).await;
            assert_eq!((phrase.text.as_str(), phrase.source), (expected, source));
            assert_eq!(phrase.expansion.is_some(), source == PhraseSource::Lexicon);
        }
    }

    #[tokio::test]
    async fn the_same_entity_is_asked_for_once_and_so_is_one_that_nobody_knows() {
        let expander =
            Expander::new(vec![lexicon(&[("Jordan", "PER", "a man")])], PhraseTemplate::default(), 10_000);
        for _ in 0..3 {
            expander.phrase(&mention("Jordan", "PER")).await;
            expander.phrase(&mention("nobody", "PER")).await;
        }
        let counts = expander.cache_counts();
        assert_eq!((counts.misses, counts.hits, counts.entries), (2, 4, 2));
    }

    #[tokio::test]
    async fn a_cache_without_room_changes_no_answer() {
        let expander =
            Expander::new(vec![lexicon(&[("Jordan", "PER", "a man")])], PhraseTemplate::default(), 0);
        for _ in 0..2 {
            assert_eq!(expander.phrase(&mention("JORDAN", "PER")).await.text, "JORDAN (PER) - a man");
        }
        assert_eq!(expander.cache_counts().entries, 0);
    }
}
