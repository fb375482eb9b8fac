//! Composition of a picture: entities and distractors, such that every phrase matches exactly one object.

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::appearance::{Appearance, Class, Description};
use super::difficulty::Difficulty;
use super::entity::Entity;
use super::rng::weighted_index;

/// An object that a picture will show.
#[derive(Debug, Clone)]
pub(super) struct PlannedObject {
    /// Its appearance, and a phrase that matches no other object of the picture.
    pub(super) description: Description,
    /// Index of the post's entity; `None` for a distractor.
    pub(super) entity: Option<usize>,
}

/// Shares of the classes among named entities and among distractors.
pub(super) const CLASS_SHARES: [f64; 4] = [0.42, 0.18, 0.20, 0.20];

/// Draws a class with the frequency at which posts name it.
pub(super) fn draw_class(rng: &mut impl Rng) -> Class {
    Class::ALL[weighted_index(&CLASS_SHARES, rng)]
}

/// The shown entities and the distractors, in painting order.
pub(super) fn draw(
    entities: &[Entity],
    shown: &[bool],
    difficulty: &Difficulty,
    rng: &mut impl Rng,
) -> Vec<PlannedObject> {
    let by_accent = difficulty.near_miss_by_accent;
    let mut objects: Vec<PlannedObject> = entities
        .iter()
        .enumerate()
        .filter(|(index, _)| shown[*index])
        .map(|(index, entity)| PlannedObject { description: entity.description, entity: Some(index) })
        .collect();
    let count = weighted_index(&difficulty.objects_per_picture, rng) + 1;
    let absent: Vec<Appearance> = entities
        .iter()
        .zip(shown)
        .filter(|&(_, shown)| !shown)
        .map(|(entity, _)| entity.description.appearance)
        .collect();
    let named: Vec<Appearance> = objects.iter().map(|object| object.description.appearance).collect();
    if rng.random_bool(difficulty.hard_negative)
        && let Some(appearance) = absent.choose(rng)
    {
        let appearance = *appearance;
        add_distractor(&mut objects, entities, |rng| near_miss(&appearance, by_accent, rng), rng);
    }
    while objects.len() < count {
        match named.choose(rng) {
            Some(appearance) if rng.random_bool(difficulty.same_kind_distractor) => {
                let appearance = *appearance;
                add_distractor(&mut objects, entities, |rng| near_miss(&appearance, by_accent, rng), rng);
            }
            _ => add_distractor(&mut objects, entities, |rng| Appearance::draw(draw_class(rng), rng), rng),
        }
    }
    objects.shuffle(rng);
    objects
}

/// The same kind of object with one colour changed, that of its accent with this probability.
pub(super) fn near_miss(appearance: &Appearance, by_accent: f64, rng: &mut impl Rng) -> Appearance {
    if rng.random_bool(by_accent) { appearance.reaccented(rng) } else { appearance.recoloured(rng) }
}

/// Adds a distractor that no other phrase matches and whose phrase matches no other object.
fn add_distractor<R: Rng>(
    objects: &mut Vec<PlannedObject>,
    entities: &[Entity],
    mut make: impl FnMut(&mut R) -> Appearance,
    rng: &mut R,
) {
    for attempt in 0.. {
        // All near misses may conflict with existing objects; after eight attempts any object is accepted.
        let appearance = if attempt < 8 { make(rng) } else { Appearance::draw(draw_class(rng), rng) };
        let description = Description::draw(appearance, rng);
        let is_free = |description: &Description| {
            entities.iter().all(|entity| !entity.description.fits(&appearance))
                && objects.iter().all(|object| {
                    !object.description.fits(&appearance) && !description.fits(&object.description.appearance)
                })
        };
        if let Some(description) = [description, description.with_accent()].into_iter().find(is_free) {
            objects.push(PlannedObject { description, entity: None });
            return;
        }
    }
}
