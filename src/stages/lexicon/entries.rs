//! Lexicon entries: expansions, descriptions and IRIs by surface form and entity type, from a JSONL file.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{LexiconCounts, LexiconError, LineFault};
use crate::common::{iri, plain_file};
use crate::domain::EntityType;

/// Expansions by surface form and type.
#[derive(Debug, Default)]
pub struct Lexicon {
    exact: Entries,
    normalised: Entries,
    origin: PathBuf,
    counts: LexiconCounts,
}

type Entries = HashMap<EntityType, HashMap<String, Vec<Candidate>>>;

/// A real entity that a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What a picture of it shows.
    pub expansion: Arc<str>,
    /// Who or what it is, for a language model that chooses between candidates; without one the expansion is used.
    pub description: Option<Arc<str>>,
    /// Its IRI, such as that of a Wikidata item.
    pub iri: Option<Arc<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    surface: String,
    r#type: String,
    expansion: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    iri: Option<String>,
}

impl Lexicon {
    /// Reads a JSONL file. Empty lines are skipped; of two entries with the same surface, type and IRI the later one is
    /// used.
    ///
    /// # Errors
    /// [`LexiconError`] names the file, and the line if one is at fault.
    pub fn load(path: &Path) -> Result<Self, LexiconError> {
        let opened = plain_file::open(path);
        let file = opened.map_err(|source| LexiconError::Read { path: path.to_owned(), source })?;
        Self::read(BufReader::new(file), path)
    }

    /// Reads lines as [`Self::load`] does; errors name `path`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn read(lines: impl BufRead, path: &Path) -> Result<Self, LexiconError> {
        let read_failed = |source| LexiconError::Read { path: path.to_owned(), source };
        let mut lexicon = Self { origin: path.to_owned(), ..Self::default() };
        for (line, number) in lines.lines().zip(1..) {
            let line = line.map_err(read_failed)?;
            if !line.trim().is_empty() {
                lexicon.add(&line).map_err(|source| LexiconError::Line {
                    path: path.to_owned(),
                    line: number,
                    source,
                })?;
            }
        }
        Ok(lexicon)
    }

    /// The expansion of an entity: the last entry of exactly this surface and type, else one that differs only in case and
    /// white space.
    #[must_use]
    pub fn get(&self, surface: &str, entity_type: &EntityType) -> Option<Arc<str>> {
        let found = self.candidates(surface, entity_type).last();
        self.counts.count(found.is_some());
        found.map(|candidate| Arc::clone(&candidate.expansion))
    }

    /// What a name may mean, in the order of the file: the entries with different IRIs of exactly this surface and type,
    /// else those that differ only in case and white space. It does not count as a look-up.
    #[must_use]
    pub fn candidates(&self, surface: &str, entity_type: &EntityType) -> &[Candidate] {
        let exact = self.exact.get(entity_type).and_then(|surfaces| surfaces.get(surface));
        let found = exact.or_else(|| self.normalised.get(entity_type)?.get(&normalised(surface)));
        found.map_or(&[], Vec::as_slice)
    }

    /// The IRI of a name that can mean one entity alone. None if no entry has an IRI, or if the entries differ in it.
    #[must_use]
    pub fn iri(&self, surface: &str, entity_type: &EntityType) -> Option<Arc<str>> {
        match self.candidates(surface, entity_type) {
            [one] => one.iri.clone(),
            _ => None,
        }
    }

    /// The path of its file.
    #[must_use]
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// Look-ups so far.
    #[must_use]
    pub fn counts(&self) -> &LexiconCounts {
        &self.counts
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exact.values().map(HashMap::len).sum()
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    fn add(&mut self, line: &str) -> Result<(), LineFault> {
        let Line { surface, r#type, expansion, description, iri } = serde_json::from_str(line)?;
        let given = [("surface", Some(&surface)), ("type", Some(&r#type)), ("expansion", Some(&expansion))];
        for (name, value) in given.into_iter().chain([("description", description.as_ref())]) {
            if value.is_some_and(|value| value.trim().is_empty()) {
                return Err(LineFault::Empty(name));
            }
        }
        let entity_type = EntityType::new(&r#type);
        if let Some(iri) = iri.as_ref().filter(|iri| !iri::is_usable(iri)) {
            return Err(LineFault::Iri(iri.clone()));
        }
        let candidate = Candidate {
            expansion: expansion.trim().into(),
            description: description.map(|description| description.trim().into()),
            iri: iri.map(Arc::from),
        };
        let normalised = normalised(&surface);
        let same = self.normalised.entry(entity_type.clone()).or_default().entry(normalised).or_default();
        add_candidate(same, candidate.clone());
        add_candidate(self.exact.entry(entity_type).or_default().entry(surface).or_default(), candidate);
        Ok(())
    }
}

/// Adds an entry behind the others and in place of one with the same IRI.
fn add_candidate(candidates: &mut Vec<Candidate>, candidate: Candidate) {
    candidates.retain(|other| other.iri != candidate.iri);
    candidates.push(candidate);
}

/// Case folded (via upper case, so that `ß` equals `SS`), with white space collapsed.
fn normalised(surface: &str) -> String {
    let words: Vec<_> = surface.split_whitespace().map(|word| word.to_uppercase().to_lowercase()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use super::*;

    fn load(text: impl AsRef<[u8]>) -> Result<Lexicon, LexiconError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lexicon.jsonl");
        fs::write(&path, text).unwrap();
        Lexicon::load(&path)
    }

    #[test]
    fn an_exact_surface_is_preferred_to_one_that_differs_in_case_and_space() {
        let lexicon = load(concat!(
            r#"{"surface": "Jordan", "type": "PER", "expansion": "a man in a red shirt"}"#,
            "\n",
            r#"{"surface": "Jordan", "type": "OTHER", "expansion": "a red shoe"}"#,
            "\n\n",
            r#"{"surface": "US", "type": "LOC", "expansion": "a flag"}"#,
            "\n",
            r#"{"surface": "us", "type": "LOC", "expansion": "two people"}"#,
            "\n",
            r#"{"surface": "Große Brücke", "type": "LOC", "expansion": "a stone bridge"}"#,
        ))
        .unwrap();
        assert_eq!(lexicon.len(), 5);
        let cases = [
            ("Jordan", "PER", Some("a man in a red shirt")),
            ("Jordan", "OTHER", Some("a red shoe")),
            ("Jordan", "LOC", None),
            ("JORDAN", "PER", Some("a man in a red shirt")),
            ("US", "LOC", Some("a flag")),
            ("us", "LOC", Some("two people")),
            ("GROSSE  \nbrücke ", "LOC", Some("a stone bridge")),
            ("Jordan shoe", "OTHER", None),
        ];
        for (surface, entity_type, expected) in cases {
            let found = lexicon.get(surface, &EntityType::new(entity_type));
            assert_eq!(found.as_deref(), expected, "{surface} {entity_type}");
        }
    }

    #[test]
    fn a_name_is_linked_only_if_all_its_entries_have_one_iri() {
        let line = |surface: &str, iri: Option<&str>| {
            let line =
                serde_json::json!({"surface": surface, "type": "PER", "expansion": "a man", "iri": iri});
            line.to_string()
        };
        let (player, actor) = ("http://www.wikidata.org/entity/Q41421", "urn:example:actor");
        let lines = [
            line("Jordan", Some(player)),
            line("Jordan", Some(actor)),
            line("MJ", Some(actor)),
            line("MJ", Some(player)),
            line("MJ", Some(actor)),
            line("Ann", Some(player)),
            line("Ann", Some(player)),
            line("Bob", None),
            line("Eve", None),
            line("Eve", Some(actor)),
        ];
        let lexicon = load(lines.join("\n")).unwrap();
        let person = EntityType::new("PER");
        let linked = |surface| lexicon.iri(surface, &person);
        assert_eq!(linked("ANN").as_deref(), Some(player));
        for unlinked in ["Jordan", "MJ", "Bob", "Eve", "Zoe"] {
            assert_eq!(linked(unlinked), None, "{unlinked}");
        }
        let iris = |surface| -> Vec<Option<Arc<str>>> {
            lexicon.candidates(surface, &person).iter().map(|one| one.iri.clone()).collect()
        };
        assert_eq!(iris("MJ"), [Some(player.into()), Some(actor.into())]);
        assert_eq!(lexicon.counts().all(), 0, "a question for the IRI is no look-up of an expansion");
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_and_its_fault() {
        let good = r#"{"surface": "Jordan", "type": "PER", "expansion": "a man"}"#;
        let cases = [
            ("not json", "it must be a JSON object"),
            (r#"{"surface": "a", "type": "b"}"#, "it must be a JSON object"),
            (r#"{"surface": "a", "type": "b", "expansion": 3}"#, "it must be a JSON object"),
            (r#"{"surface": "a", "type": "b", "expansion": "c", "colour": "d"}"#, "it must be a JSON object"),
            (r#"{"surface": " ", "type": "b", "expansion": "c"}"#, "its `surface` is empty"),
            (r#"{"surface": "a", "type": "b", "expansion": ""}"#, "its `expansion` is empty"),
            (r#"{"surface": "a", "type": "b", "expansion": "c", "iri": "Q1"}"#, "its `iri` is `Q1`"),
        ];
        for (line, fault) in cases {
            let error = load(format!("{good}\n\n{line}\n{good}\n")).unwrap_err();
            let message = error.to_string();
            assert!(
                message.starts_with("line 3 of the lexicon `") && message.contains("lexicon.jsonl"),
                "{message}"
            );
            assert!(error.source().unwrap().to_string().starts_with(fault), "{line}");
        }
    }

    #[test]
    fn a_missing_or_binary_file_is_named() {
        let error = Lexicon::load(Path::new("nowhere/lexicon.jsonl")).unwrap_err();
        assert_eq!(error.to_string(), "failed to read the lexicon `nowhere/lexicon.jsonl`");
        assert!(matches!(load([0xff, 0xfe, b'\n']), Err(LexiconError::Read { .. })));
        assert!(load("").unwrap().is_empty());
    }
}
