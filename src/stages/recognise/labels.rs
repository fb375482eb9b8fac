//! What do the tagger's labels mean? A word is outside, or begins, continues, ends or is an entity of a type.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::domain::EntityType;

/// The labels in the tagger's order: `O`, then those of each type, the types sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    types: Vec<EntityType>,
    scheme: TagScheme,
}

/// Which places in an entity have labels of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagScheme {
    /// `B I E S`: the first word of several, one between, the last, and a word alone.
    #[default]
    Bioes,
    /// `B I`: the first word, and any other.
    Bio,
}

impl TagScheme {
    /// The letters of the places, in the order of the labels.
    fn letters(self) -> &'static [char] {
        match self {
            Self::Bioes => &['B', 'I', 'E', 'S'],
            Self::Bio => &['B', 'I'],
        }
    }

    /// How many labels so many entity types have.
    #[must_use]
    pub fn labels(self, types: usize) -> usize {
        1 + self.letters().len() * types
    }
}

/// Some words that name an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledWords {
    /// Which words.
    pub words: Range<usize>,
    /// What they name.
    pub entity_type: EntityType,
}

/// A label that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label `{label}` of word {word} is neither O nor B- or I- with one of the types {types}")]
pub struct UnknownLabel {
    /// As it was written.
    pub label: String,
    /// Whose it is, from 0.
    pub word: usize,
    /// The types there are.
    pub types: String,
}

const OUTSIDE: usize = 0;
const BEGIN: usize = 0;
const INSIDE: usize = 1;
const END: usize = 2;
const SINGLE: usize = 3;

impl LabelSet {
    /// The BIOES labels for some entity types; order and repetition do not matter.
    #[must_use]
    pub fn new(types: impl IntoIterator<Item = EntityType>) -> Self {
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort();
        types.dedup();
        Self { types, scheme: TagScheme::default() }
    }

    /// The labels of another scheme for the same types.
    #[must_use]
    pub fn with_scheme(self, scheme: TagScheme) -> Self {
        Self { scheme, ..self }
    }

    /// The types, sorted.
    #[must_use]
    pub fn types(&self) -> &[EntityType] {
        &self.types
    }

    /// How many labels: 17 for four types in BIOES, 9 in BIO.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scheme.labels(self.types.len())
    }

    /// A label by its index, such as `B-LOC`; none past the end.
    #[must_use]
    pub fn name(&self, label: usize) -> Option<String> {
        if label == OUTSIDE {
            return Some("O".to_owned());
        }
        let (place, entity_type) = self.parts(label)?;
        Some(format!("{}-{entity_type}", self.scheme.letters()[place]))
    }

    /// The labels of `words` words of which some name entities.
    ///
    /// Of entities that overlap the later one wins; what lies past the last word or has no known type is left out.
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

    /// The entities that some labels name. A label after the last is taken as `O`.
    ///
    /// Labels need not agree with each other: `E` is read as `I` and `S` as `B`, as AdaSeq does, and an `I` that
    /// continues nothing of its type begins.
    #[must_use]
    pub fn decode(&self, labels: &[usize]) -> Vec<LabelledWords> {
        read_bio(labels.iter().map(|&label| {
            self.parts(label)
                .map(|(place, entity_type)| (matches!(place, BEGIN | SINGLE), entity_type.clone()))
        }))
    }

    /// The entities that BIO labels name, such as those of a data set: `O`, `B-LOC`, `I-LOC`.
    ///
    /// # Errors
    /// The first label that is none, or whose type is not of this set.
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

/// Joins words to entities; for each word whether it begins one, and of which type.
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
