//! What do the tagger's labels mean? BIOES: a word is outside, or begins, continues, ends or is an entity of a type.

use std::ops::Range;

use crate::domain::EntityType;

/// The labels in the tagger's order: `O`, then `B I E S` of each type, the types sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    types: Vec<EntityType>,
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
    /// The labels for some entity types; order and repetition do not matter.
    #[must_use]
    pub fn new(types: impl IntoIterator<Item = EntityType>) -> Self {
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort();
        types.dedup();
        Self { types }
    }

    /// The types, sorted.
    #[must_use]
    pub fn types(&self) -> &[EntityType] {
        &self.types
    }

    /// How many labels: 17 for four types.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + 4 * self.types.len()
    }

    /// A label by its index, such as `B-LOC`; none past the end.
    #[must_use]
    pub fn name(&self, label: usize) -> Option<String> {
        if label == OUTSIDE {
            return Some("O".to_owned());
        }
        let (place, entity_type) = self.parts(label)?;
        Some(format!("{}-{entity_type}", ['B', 'I', 'E', 'S'][place]))
    }

    /// The labels of `words` words of which some name entities.
    ///
    /// Of entities that overlap the later one wins; what lies past the last word or has no known type is left out.
    #[must_use]
    pub fn encode(&self, words: usize, entities: &[LabelledWords]) -> Vec<usize> {
        let mut labels = vec![OUTSIDE; words];
        for LabelledWords { words: Range { start, end }, entity_type } in entities {
            let (Some(chosen), Ok(index)) =
                (labels.get_mut(*start..*end), self.types.binary_search(entity_type))
            else {
                continue;
            };
            let last = chosen.len().saturating_sub(1);
            for (position, label) in chosen.iter_mut().enumerate() {
                let place = match position {
                    0 if last == 0 => SINGLE,
                    0 => BEGIN,
                    _ if position == last => END,
                    _ => INSIDE,
                };
                *label = 1 + 4 * index + place;
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
        let position = label.checked_sub(1)?;
        Some((position % 4, self.types.get(position / 4)?))
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels() -> LabelSet {
        LabelSet::new(["PER", "LOC", "ORG", "OTHER", "LOC"].map(EntityType::new))
    }

    fn entity(words: Range<usize>, name: &str) -> LabelledWords {
        LabelledWords { words, entity_type: EntityType::new(name) }
    }

    #[test]
    fn labels_stand_in_the_order_of_published_taggers() {
        let names: Vec<_> = (0..18).map(|label| labels().name(label)).collect();
        assert_eq!(labels().count(), 17);
        for (label, name) in [
            (0, "O"),
            (1, "B-LOC"),
            (2, "I-LOC"),
            (3, "E-LOC"),
            (4, "S-LOC"),
            (5, "B-ORG"),
            (9, "B-OTHER"),
            (16, "S-PER"),
        ] {
            assert_eq!(names[label].as_deref(), Some(name));
        }
        assert_eq!(names[17], None);
    }

    #[test]
    fn labels_that_disagree_are_read_with_tolerance() {
        let (b_loc, i_loc, e_loc, s_loc, i_per, e_per) = (1, 2, 3, 4, 14, 15);
        let cases = [
            ("in order", vec![b_loc, i_loc, e_loc, 0, s_loc], vec![entity(0..3, "LOC"), entity(4..5, "LOC")]),
            ("an end that begins", vec![0, e_loc, 0], vec![entity(1..2, "LOC")]),
            ("an end after a single", vec![s_loc, e_loc], vec![entity(0..2, "LOC")]),
            ("nothing ends it", vec![b_loc, 0, i_loc], vec![entity(0..1, "LOC"), entity(2..3, "LOC")]),
            ("the type changes", vec![b_loc, i_per, e_per], vec![entity(0..1, "LOC"), entity(1..3, "PER")]),
            ("two beginnings", vec![b_loc, b_loc], vec![entity(0..1, "LOC"), entity(1..2, "LOC")]),
            ("no such label", vec![b_loc, 99, i_loc], vec![entity(0..1, "LOC"), entity(2..3, "LOC")]),
        ];
        for (case, given, expected) in cases {
            assert_eq!(labels().decode(&given), expected, "{case}");
        }
    }

    #[test]
    fn bio_becomes_bioes() {
        let entities = labels()
            .decode_bio(&["B-PER", "I-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-LOC", "I-ORG"])
            .unwrap();
        let names: Vec<_> =
            labels().encode(8, &entities).into_iter().map(|label| labels().name(label).unwrap()).collect();
        assert_eq!(names, ["B-PER", "I-PER", "E-PER", "O", "S-LOC", "B-LOC", "E-LOC", "S-ORG"]);
    }

    #[test]
    fn a_label_that_is_none_is_named_with_its_word() {
        for label in ["B-MISC", "X", "b-LOC", "E-LOC", ""] {
            let error = labels().decode_bio(&["O", label]).unwrap_err();
            assert_eq!((error.label.as_str(), error.word), (label, 1));
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(gaps in prop::collection::vec((0_usize..3, 1_usize..4, 0_usize..4), 0..6)) {
            let mut entities = Vec::new();
            let mut end = 0;
            for (gap, length, index) in gaps {
                let start = end + gap;
                end = start + length;
                entities.push(LabelledWords { words: start..end, entity_type: labels().types()[index].clone() });
            }
            prop_assert_eq!(labels().decode(&labels().encode(end + 1, &entities)), entities);
        }
    }
}
