//! Which things does a picture show? No phrase may be left open between two of them.

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::chance::weighted;
use super::difficulty;
use super::entity::Entity;
use super::looks::{Class, Description, Look};

/// One thing that a picture is to show.
#[derive(Debug, Clone)]
pub(super) struct Role {
    /// What it looks like and the phrase that means it and nothing else in the picture.
    pub(super) description: Description,
    /// Which of the post's entities it is; `None` for a bystander.
    pub(super) entity: Option<usize>,
}

/// Whose types share of what bystanders are: as often as entities of those types are named.
pub(super) const CLASS_SHARES: [f64; 4] = [0.42, 0.18, 0.20, 0.20];

/// Draws a class as often as the feed names it.
pub(super) fn draw_class(rng: &mut impl Rng) -> Class {
    Class::ALL[weighted(&CLASS_SHARES, rng)]
}

/// The shown entities and their bystanders, in the order in which they are painted.
pub(super) fn draw(entities: &[Entity], shown: &[bool], rng: &mut impl Rng) -> Vec<Role> {
    let mut roles: Vec<Role> = entities
        .iter()
        .enumerate()
        .filter(|(index, _)| shown[*index])
        .map(|(index, entity)| Role { description: entity.description, entity: Some(index) })
        .collect();
    let count = weighted(&difficulty::OBJECTS_A_PICTURE, rng) + 1;
    let absent: Vec<Look> = entities
        .iter()
        .zip(shown)
        .filter(|&(_, shown)| !shown)
        .map(|(entity, _)| entity.description.look)
        .collect();
    let named: Vec<Look> = roles.iter().map(|role| role.description.look).collect();
    if rng.random_bool(difficulty::HARD_NEGATIVE)
        && let Some(look) = absent.choose(rng)
    {
        let look = *look;
        cast_bystander(&mut roles, entities, |rng| near_miss(&look, rng), rng);
    }
    while roles.len() < count {
        match named.choose(rng) {
            Some(look) if rng.random_bool(difficulty::SAME_KIND_BYSTANDER) => {
                let look = *look;
                cast_bystander(&mut roles, entities, |rng| near_miss(&look, rng), rng);
            }
            _ => cast_bystander(&mut roles, entities, |rng| Look::draw(draw_class(rng), rng), rng),
        }
    }
    roles.shuffle(rng);
    roles
}

/// The same kind of thing, told apart by a colour.
pub(super) fn near_miss(look: &Look, rng: &mut impl Rng) -> Look {
    if rng.random_bool(difficulty::NEAR_MISS_BY_ACCENT) { look.reaccented(rng) } else { look.recoloured(rng) }
}

/// Adds a bystander that no phrase about the others fits, and whose own phrase fits none of them.
fn cast_bystander<R: Rng>(
    roles: &mut Vec<Role>,
    entities: &[Entity],
    mut make: impl FnMut(&mut R) -> Look,
    rng: &mut R,
) {
    for attempt in 0.. {
        // A near miss may have no room left beside what is there already: then anything will do.
        let look = if attempt < 8 { make(rng) } else { Look::draw(draw_class(rng), rng) };
        let description = Description::draw(look, rng);
        let is_free = |description: &Description| {
            entities.iter().all(|entity| !entity.description.fits(&look))
                && roles
                    .iter()
                    .all(|role| !role.description.fits(&look) && !description.fits(&role.description.look))
        };
        if let Some(description) = [description, description.in_full()].into_iter().find(is_free) {
            roles.push(Role { description, entity: None });
            return;
        }
    }
}
