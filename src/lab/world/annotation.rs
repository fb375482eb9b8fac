//! Annotations of posts: the text that a person, or a language model with errors, writes about a post's entities.

use rand::Rng;

use super::appearance::Class;
use super::rng::seeded_rng;
use super::sample::World;

/// An entity as an annotation lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotatedEntity {
    /// The name as written in the text.
    pub surface: String,
    /// Its type.
    pub entity_type: String,
    /// What it is.
    pub expansion: String,
}

/// Share of entities that a model of seven billion parameters misses in short posts; an estimate.
const MISSED_SHARE: f64 = 0.06;
/// Share of entities to which it gives a wrong type. A tagger trained with such errors learns not to trust annotations
/// blindly.
const WRONG_TYPE_SHARE: f64 = 0.06;

/// The text of an annotation: the entities with their types, then the reasons.
#[must_use]
pub fn annotation(entities: &[AnnotatedEntity]) -> String {
    if entities.is_empty() {
        return "Named entities: none. Reasoning: the text names nobody and nothing.".to_owned();
    }
    let list: Vec<String> = entities
        .iter()
        .zip(1..)
        .map(|(one, number)| format!("{number}. {} ({})", one.surface, one.entity_type))
        .collect();
    let reasons: Vec<String> =
        entities.iter().map(|one| format!("{} is {}", one.surface, one.expansion)).collect();
    format!("Named entities: {} Reasoning: {}.", list.join(" "), reasons.join("; "))
}

/// The same entities with the errors of a model, which misses such a share and gives a wrong type to another.
fn with_errors(
    entities: Vec<AnnotatedEntity>,
    (missed, wrong_type): (f64, f64),
    rng: &mut impl Rng,
) -> Vec<AnnotatedEntity> {
    let overlooked = |_: &AnnotatedEntity| rng.random_bool(missed);
    let (_, mut seen): (Vec<AnnotatedEntity>, Vec<AnnotatedEntity>) =
        entities.into_iter().partition(overlooked);
    for one in &mut seen {
        if rng.random_bool(wrong_type) {
            Class::ALL[rng.random_range(0..Class::ALL.len())].type_name().clone_into(&mut one.entity_type);
        }
    }
    seen
}

impl World {
    /// The true entities of a post.
    #[must_use]
    pub fn entities(&self, index: u64) -> Vec<AnnotatedEntity> {
        let draft = self.draft(index);
        let name = |entity: &super::entity::Entity| AnnotatedEntity {
            surface: entity.surface.clone(),
            entity_type: entity.class.type_name().to_owned(),
            expansion: entity.description.words(),
        };
        draft.entities.iter().map(name).collect()
    }

    /// The annotation of a post by a model with errors; deterministic.
    #[must_use]
    pub fn annotation(&self, index: u64) -> String {
        self.annotation_with(index, (MISSED_SHARE, WRONG_TYPE_SHARE))
    }

    /// The same by a model that misses another share of the entities, and gives a wrong type to another.
    #[must_use]
    pub fn annotation_with(&self, index: u64, errors: (f64, f64)) -> String {
        let mut rng = seeded_rng("annotation", self.split().as_str(), index);
        annotation(&with_errors(self.entities(index), errors, &mut rng))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Split;
    use super::*;

    #[test]
    fn an_annotation_lists_the_entities_with_types_and_reasons() {
        let entities = [("Vorlan", "PER", "a man in red"), ("Harrow", "LOC", "a bridge")];
        let entities = entities.map(|(surface, entity_type, expansion)| AnnotatedEntity {
            surface: surface.to_owned(),
            entity_type: entity_type.to_owned(),
            expansion: expansion.to_owned(),
        });
        assert_eq!(
            annotation(&entities),
            "Named entities: 1. Vorlan (PER) 2. Harrow (LOC) Reasoning: Vorlan is a man in red; Harrow is a bridge."
        );
        assert!(annotation(&[]).starts_with("Named entities: none."));
    }

    #[test]
    fn annotations_have_deterministic_errors() {
        let world = World::new(3, Split::Dev);
        let right = (0..400).filter(|&index| world.annotation(index) == annotation(&world.entities(index)));
        let right = right.count();
        assert!((280..390).contains(&right), "{right} of 400 annotations are right");
        assert_eq!(world.annotation(7), World::new(3, Split::Dev).annotation(7));
    }
}
