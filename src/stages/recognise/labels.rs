//! Label set: the tagger's labels in the order of its rows, and the entities of a label sequence.
//!
//! A set is derived from entity types and a scheme, as AdaSeq orders its labels, or is a table of names as a checkpoint
//! gives it. Inconsistent sequences are tolerated: an inside label that continues no entity of its type begins one, which
//! is also how IOB1 is read. In a table an entity ends with its `E` or `S`, as seqeval reads them; in a derived set `E` is
//! read as `I` and `S` as `B`, as AdaSeq does.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::domain::EntityType;

use super::label::{Label, Place};
pub use super::label::{LabelFault, TagScheme};

/// The labels in the order of the tagger's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    /// The types of entities, sorted.
    types: Vec<EntityType>,
    labels: Vec<Label>,
    /// The types of entities by those of labels; types that are missing are the same in both.
    map: BTreeMap<EntityType, EntityType>,
    scheme: TagScheme,
    /// Whether `E` and `S` end an entity even if an inside label of the same type follows.
    ends_close: bool,
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

impl LabelSet {
    /// The BIOES labels of these entity types, in any order, with or without repetition: `O`, then those of each type,
    /// sorted by type.
    #[must_use]
    pub fn new(types: impl IntoIterator<Item = EntityType>) -> Self {
        let types: BTreeSet<_> = types.into_iter().collect();
        let types: Vec<_> = types.into_iter().collect();
        let scheme = TagScheme::default();
        Self { labels: derived(&types, scheme), types, map: BTreeMap::new(), scheme, ends_close: false }
    }

    /// The derived labels of the same types in another scheme.
    #[must_use]
    pub fn with_scheme(self, scheme: TagScheme) -> Self {
        Self { labels: derived(&self.types, scheme), scheme, ..self }
    }

    /// The labels of a table, in the order of the tagger's rows: `O`, and places with types such as `B-LOC`, or types
    /// alone. `map` gives the types of entities by those of labels; a type that becomes `O` is no entity.
    ///
    /// Beside labels with places, names without one are read as `O`: taggers have such for padding.
    ///
    /// # Errors
    /// Where there is no `O`, or nothing else.
    pub fn of_table<S: AsRef<str>>(table: &[S], map: &BTreeMap<String, String>) -> Result<Self, LabelFault> {
        let scheme = TagScheme::of_table(table);
        let mut labels: Vec<Label> = table.iter().map(|name| Label::parse(name.as_ref(), scheme)).collect();
        let given = table.iter().map(AsRef::as_ref);
        if !given.clone().any(|name| name == Label::OUTSIDE) {
            return Err(LabelFault::NoOutside { labels: given.map(str::to_owned).collect() });
        }
        let map: BTreeMap<_, _> =
            map.iter().map(|(from, to)| (EntityType::new(from), EntityType::new(to))).collect();
        for label in &mut labels {
            let dropped = label.entity_type().and_then(|own| map.get(own));
            if dropped.is_some_and(|to| to.as_str() == Label::OUTSIDE) {
                *label = Label::Outside;
            }
        }
        let types: BTreeSet<_> = labels
            .iter()
            .filter_map(Label::entity_type)
            .map(|own| map.get(own).unwrap_or(own).clone())
            .collect();
        if types.is_empty() {
            return Err(LabelFault::NoEntity);
        }
        Ok(Self { types: types.into_iter().collect(), labels, map, scheme, ends_close: true })
    }

    /// The types of entities, sorted.
    #[must_use]
    pub fn types(&self) -> &[EntityType] {
        &self.types
    }

    /// The scheme of the labels.
    #[must_use]
    pub fn scheme(&self) -> TagScheme {
        self.scheme
    }

    /// The number of labels: 17 for four types in BIOES, 9 in BIO.
    #[must_use]
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// The name of a label, such as `B-LOC`, with the type that the label has; none past the end.
    #[must_use]
    pub fn name(&self, label: usize) -> Option<String> {
        self.labels.get(label).map(Label::to_string)
    }

    /// The labels of `words` words with these entities.
    ///
    /// Of overlapping entities the later one wins. Entities past the last word, and those whose labels the set does not
    /// have, are ignored.
    #[must_use]
    pub fn encode(&self, words: usize, entities: &[LabelledWords]) -> Vec<usize> {
        let outside = self.labels.iter().position(|label| *label == Label::Outside).unwrap_or(OUTSIDE);
        let mut labels = vec![outside; words];
        for LabelledWords { words: Range { start, end }, entity_type } in entities {
            let Some(chosen) = labels.get_mut(*start..*end) else { continue };
            let last = chosen.len().saturating_sub(1);
            let row = |position: usize| self.row(self.scheme.place(position, last), entity_type);
            let Some(rows) = (0..chosen.len()).map(row).collect::<Option<Vec<_>>>() else { continue };
            chosen.copy_from_slice(&rows);
        }
        labels
    }

    /// The entities of a label sequence. An unknown label is read as `O`.
    #[must_use]
    pub fn decode(&self, labels: &[usize]) -> Vec<LabelledWords> {
        let words = labels.iter().map(|&label| match self.labels.get(label) {
            Some(Label::Within(place, entity_type)) => Some((*place, entity_type)),
            Some(Label::Outside) | None => None,
        });
        let mut entities = joined(words, self.ends_close);
        for entity in &mut entities {
            if let Some(to) = self.map.get(&entity.entity_type) {
                entity.entity_type = to.clone();
            }
        }
        entities
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
        Ok(joined(parsed.iter().map(|label| label.as_ref().map(|(place, name)| (*place, name))), false))
    }

    fn parse_bio(&self, label: &str, word: usize) -> Result<Option<(Place, EntityType)>, UnknownLabel> {
        match Label::parse(label, TagScheme::Bio) {
            Label::Outside if label == Label::OUTSIDE => Ok(None),
            Label::Within(place @ (Place::Begin | Place::Inside), entity_type)
                if self.types.contains(&entity_type) =>
            {
                Ok(Some((place, entity_type)))
            }
            _ => {
                let types: Vec<_> = self.types.iter().map(EntityType::as_str).collect();
                Err(UnknownLabel { label: label.to_owned(), word, types: types.join(", ") })
            }
        }
    }

    /// Whether a label may follow another in the scheme, or begin (after none) or end (before none) a text.
    #[must_use]
    pub fn may_follow(&self, from: Option<usize>, to: Option<usize>) -> bool {
        let label = |row: Option<usize>| row.and_then(|row| self.labels.get(row)).unwrap_or(&Label::Outside);
        self.scheme.may_follow(label(from), label(to))
    }

    fn row(&self, place: Place, entity_type: &EntityType) -> Option<usize> {
        self.labels
            .iter()
            .position(|label| matches!(label, Label::Within(own, of) if *own == place && of == entity_type))
    }
}

/// `O`, then the labels of each type.
fn derived(types: &[EntityType], scheme: TagScheme) -> Vec<Label> {
    let of_type =
        |name: &EntityType| scheme.places().iter().map(|&place| Label::Within(place, name.clone())).collect();
    let within = types.iter().flat_map(|name| -> Vec<_> { of_type(name) });
    std::iter::once(Label::Outside).chain(within).collect()
}

/// Joins words to entities; each word has its place in an entity and its type, or none.
fn joined<'a>(
    words: impl Iterator<Item = Option<(Place, &'a EntityType)>>,
    ends_close: bool,
) -> Vec<LabelledWords> {
    let mut entities: Vec<LabelledWords> = Vec::new();
    let mut before = None;
    for (word, label) in words.enumerate() {
        let Some((place, entity_type)) = label else {
            before = None;
            continue;
        };
        let open = before.is_some_and(|before| !(ends_close && matches!(before, Place::End | Place::Single)));
        before = Some(place);
        match entities.last_mut() {
            Some(last)
                if open
                    && matches!(place, Place::Inside | Place::End)
                    && last.entity_type == *entity_type =>
            {
                last.words.end = word + 1;
            }
            _ => entities.push(LabelledWords { words: word..word + 1, entity_type: entity_type.clone() }),
        }
    }
    entities
}

#[cfg(test)]
mod tests;
