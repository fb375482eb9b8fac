//! Lexicon: a JSONL file of expansions, by surface form and entity type.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::LexiconCounts;
use crate::common::plain_file;
use crate::domain::EntityType;

/// Expansions by surface form and type.
#[derive(Debug, Default)]
pub struct Lexicon {
    exact: Entries,
    normalised: Entries,
    origin: PathBuf,
    counts: LexiconCounts,
}

type Entries = HashMap<EntityType, HashMap<String, Arc<str>>>;

/// The lexicon file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// It is missing, unreadable or not UTF-8.
    #[error("failed to read the lexicon `{path}`")]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// A line is not an entry.
    #[error("line {line} of the lexicon `{path}` is not an entry")]
    Line {
        /// Where.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// What was wrong.
        #[source]
        source: LineFault,
    },
}

/// Why a line is not an entry.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// It is not the expected JSON.
    #[error("it must be a JSON object with the strings `surface`, `type` and `expansion`")]
    Json(#[from] serde_json::Error),
    /// A string is empty.
    #[error("its `{0}` is empty")]
    Empty(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    surface: String,
    r#type: String,
    expansion: String,
}

impl Lexicon {
    /// Reads a JSONL file. Empty lines are skipped; of two entries with the same surface and type the later one is used.
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

    /// The expansion of an entity: the entry of exactly this surface and type, else one that differs only in case and white
    /// space.
    #[must_use]
    pub fn get(&self, surface: &str, entity_type: &EntityType) -> Option<Arc<str>> {
        let exact = self.exact.get(entity_type).and_then(|surfaces| surfaces.get(surface));
        let found = exact.or_else(|| self.normalised.get(entity_type)?.get(&normalised(surface)));
        self.counts.count(found.is_some());
        found.cloned()
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
        let Line { surface, r#type, expansion } = serde_json::from_str(line)?;
        for (name, value) in [("surface", &surface), ("type", &r#type), ("expansion", &expansion)] {
            if value.trim().is_empty() {
                return Err(LineFault::Empty(name));
            }
        }
        let entity_type = EntityType::new(&r#type);
        let expansion: Arc<str> = expansion.trim().into();
        let normalised = normalised(&surface);
        self.normalised.entry(entity_type.clone()).or_default().insert(normalised, Arc::clone(&expansion));
        self.exact.entry(entity_type).or_default().insert(surface, expansion);
        Ok(())
    }
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
    fn a_bad_line_is_named_with_its_file_and_its_fault() {
        let good = r#"{"surface": "Jordan", "type": "PER", "expansion": "a man"}"#;
        let cases = [
            ("not json", "it must be a JSON object"),
            (r#"{"surface": "a", "type": "b"}"#, "it must be a JSON object"),
            (r#"{"surface": "a", "type": "b", "expansion": 3}"#, "it must be a JSON object"),
            (r#"{"surface": "a", "type": "b", "expansion": "c", "colour": "d"}"#, "it must be a JSON object"),
            (r#"{"surface": " ", "type": "b", "expansion": "c"}"#, "its `surface` is empty"),
            (r#"{"surface": "a", "type": "b", "expansion": ""}"#, "its `expansion` is empty"),
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
