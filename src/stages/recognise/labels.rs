//! Labels: the tagger's label set in BIOES or BIO, and the entities of a label sequence.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::domain::EntityType;

/// The labels in the tagger's order: `O`, then those of each type, sorted by type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    types: Vec<EntityType>,
    scheme: TagScheme,
}

/// The tagging scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagScheme {
    /// `B I E S`: beginning, inside, end, single word.
    #[default]
    Bioes,
    /// `B I`: beginning, inside.
    Bio,
}

impl TagScheme {
    /// The letters, in the order of the labels.
    fn letters(self) -> &'static [char] {
        match self {
            Self::Bioes => &['B', 'I', 'E', 'S'],
            Self::Bio => &['B', 'I'],
        }
    }

    /// The number of labels for this number of entity types.
    #[must_use]
    pub fn labels(self, types: usize) -> usize {
        1 + self.letters().len() * types
    }
}

/// The words of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledWords {
    /// The range of words.
    pub words: Range<usize>,
    /// The type.
    pub entity_type: EntityType,
}

/// A label is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label `{label}` of word {word} is neither O nor B- or I- with one of the types {types}")]
pub struct UnknownLabel {
    /// The label.
    pub label: String,
    /// The number of its word, from 0.
    pub word: usize,
    /// The valid types.
    pub types: String,
}

const OUTSIDE: usize = 0;
const BEGIN: usize = 0;
const INSIDE: usize = 1;
const END: usize = 2;
const SINGLE: usize = 3;

impl LabelSet {
    /// The BIOES labels of these entity types, in any order, with or without repetition.
    #[must_use]
    pub fn new(types: impl IntoIterator<Item = EntityType>) -> Self {
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort();
        types.dedup();
        Self { types, scheme: TagScheme::default() }
    }

    /// The labels of the same types in another scheme.
    #[must_use]
    pub fn with_scheme(self, scheme: TagScheme) -> Self {
        Self { scheme, ..self }
    }

    /// The types, sorted.
    #[must_use]
    pub fn types(&self) -> &[EntityType] {
        &self.types
    }

    /// The number of labels: 17 for four types in BIOES, 9 in BIO.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scheme.labels(self.types.len())
    }

    /// The name of a label, such as `B-LOC`; none past the end.
    #[must_use]
    pub fn name(&self, label: usize) -> Option<String> {
        if label == OUTSIDE {
            return Some("O".to_owned());
        }
        let (place, entity_type) = self.parts(label)?;
        Some(format!("{}-{entity_type}", self.scheme.letters()[place]))
    }

    /// The labels of `words` words with these entities.
    ///
    /// Of overlapping entities the later one wins. Entities past the last word or of unknown types are ignored.
    #[must_use]
    pub fn encode(&self, words: usize, entities: &[LabelledWords]) -> Vec<usize> {
        let mut labels = vec![OUTSIDE; words];
        let (closing, single) = match self.scheme {
            TagScheme::Bioes => (END, SINGLE),
            TagScheme::Bio => (INSIDE, BEGIN),
        };
        for LabelledWords { words: Range { start, end }, entity_type } in entities {
            let (Some(chosen), Ok(index)) =
                (labels.get_mut(*start..*end), self.types.binary_search(entity_type))
            else {
                continue;
            };
            let last = chosen.len().saturating_sub(1);
            for (position, label) in chosen.iter_mut().enumerate() {
                let place = match position {
                    0 if last == 0 => single,
                    0 => BEGIN,
                    _ if position == last => closing,
                    _ => INSIDE,
                };
                *label = self.scheme.labels(index) + place;
            }
        }
        labels
    }

    /// The entities of a label sequence. An unknown label is read as `O`.
    ///
    /// Inconsistent labels are tolerated: `E` is read as `I` and `S` as `B`, as AdaSeq does, and an `I` that continues no
    /// entity of its type begins one.
    #[must_use]
    pub fn decode(&self, labels: &[usize]) -> Vec<LabelledWords> {
        read_bio(labels.iter().map(|&label| {
            self.parts(label)
                .map(|(place, entity_type)| (matches!(place, BEGIN | SINGLE), entity_type.clone()))
        }))
    }

    /// The entities of BIO labels, such as those of a data set: `O`, `B-LOC`, `I-LOC`.
    ///
    /// # Errors
    /// The first label that is invalid or has a type outside this set.
    pub fn decode_bio<S: AsRef<str>>(&self, labels: &[S]) -> Result<Vec<LabelledWords>, UnknownLabel> {
        let parsed: Vec<_> = labels
            .iter()
            .enumerate()
            .map(|(word, label)| self.parse_bio(label.as_ref(), word))
            .collect::<Result<_, _>>()?;
        Ok(read_bio(parsed.into_iter()))
    }

    fn parse_bio(&self, label: &str, word: usize) -> Result<Option<(bool, EntityType)>, UnknownLabel> {
        if label == "O" {
            return Ok(None);
        }
        let parts = match label.split_once('-') {
            Some(("B", name)) => Some((true, name)),
            Some(("I", name)) => Some((false, name)),
            _ => None,
        };
        parts
            .map(|(begins, name)| (begins, EntityType::new(name)))
            .filter(|(_, entity_type)| self.types.contains(entity_type))
            .map(Some)
            .ok_or_else(|| {
                let types: Vec<_> = self.types.iter().map(EntityType::as_str).collect();
                UnknownLabel { label: label.to_owned(), word, types: types.join(", ") }
            })
    }

    fn parts(&self, label: usize) -> Option<(usize, &EntityType)> {
        let (position, places) = (label.checked_sub(1)?, self.scheme.letters().len());
        Some((position % places, self.types.get(position / places)?))
    }
}

/// Joins words to entities. Each word says whether it begins an entity, and of which type.
fn read_bio(words: impl Iterator<Item = Option<(bool, EntityType)>>) -> Vec<LabelledWords> {
    let mut entities: Vec<LabelledWords> = Vec::new();
    for (word, label) in words.enumerate() {
        let Some((begins, entity_type)) = label else { continue };
        match entities.last_mut() {
            Some(open) if !begins && open.words.end == word && open.entity_type == entity_type => {
                open.words.end = word + 1;
            }
            _ => entities.push(LabelledWords { words: word..word + 1, entity_type }),
        }
    }
    entities
}

#[cfg(test)]
mod tests;
