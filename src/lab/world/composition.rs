//! Which things does a picture show? No phrase may be left open between two of them.

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::appearance::{Appearance, Class, Description};
use super::difficulty;
use super::entity::Entity;
use super::rng::weighted_index;

/// One thing that a picture is to show.
#[derive(Debug, Clone)]
pub(super) struct PlannedObject {
    /// What it looks like and the phrase that means it and nothing else in the picture.
    pub(super) description: Description,
    /// Which of the post's entities it is; `None` for a bystander.
    pub(super) entity: Option<usize>,
}

/// Whose types share of what bystanders are: as often as entities of those types are named.
pub(super) const CLASS_SHARES: [f64; 4] = [0.42, 0.18, 0.20, 0.20];

/// Draws a class as often as the feed names it.
pub(super) fn draw_class(rng: &mut impl Rng) -> Class {
    Class::ALL[weighted_index(&CLASS_SHARES, rng)]
}

/// The shown entities and their bystanders, in the order in which they are painted.
pub(super) fn draw(entities: &[Entity], shown: &[bool], rng: &mut impl Rng) -> Vec<PlannedObject> {
    let mut objects: Vec<PlannedObject> = entities
        .iter()
        .enumerate()
        .filter(|(index, _)| shown[*index])
        .map(|(index, entity)| PlannedObject { description: entity.description, entity: Some(index) })
        .collect();
    let count = weighted_index(&difficulty::OBJECTS_PER_PICTURE, rng) + 1;
    let absent: Vec<Appearance> = entities
        .iter()
        .zip(shown)
        .filter(|&(_, shown)| !shown)
        .map(|(entity, _)| entity.description.appearance)
        .collect();
    let named: Vec<Appearance> = objects.iter().map(|object| object.description.appearance).collect();
    if rng.random_bool(difficulty::HARD_NEGATIVE)
        && let Some(appearance) = absent.choose(rng)
    {
        let appearance = *appearance;
        add_distractor(&mut objects, entities, |rng| near_miss(&appearance, rng), rng);
    }
    while objects.len() < count {
        match named.choose(rng) {
            Some(appearance) if rng.random_bool(difficulty::SAME_KIND_DISTRACTOR) => {
                let appearance = *appearance;
                add_distractor(&mut objects, entities, |rng| near_miss(&appearance, rng), rng);
            }
            _ => add_distractor(&mut objects, entities, |rng| Appearance::draw(draw_class(rng), rng), rng),
        }
    }
    objects.shuffle(rng);
    objects
}

/// The same kind of thing, told apart by a colour.
pub(super) fn near_miss(appearance: &Appearance, rng: &mut impl Rng) -> Appearance {
    if rng.random_bool(difficulty::NEAR_MISS_BY_ACCENT) {
        appearance.reaccented(rng)
    } else {
        appearance.recoloured(rng)
    }
}

/// Adds a bystander that no phrase about the others fits, and whose own phrase fits none of them.
fn add_distractor<R: Rng>(
    objects: &mut Vec<PlannedObject>,
    entities: &[Entity],
    mut make: impl FnMut(&mut R) -> Appearance,
    rng: &mut R,
) {
    for attempt in 0.. {
        // A near miss may have no room left beside what is there already: then anything will do.
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
