//! Entities of the world: a name, its class, and the appearance that pictures show.

use rand::Rng;

use super::appearance::{Appearance, Class, Description};
use super::names::{self, Name};
use super::rng::seeded_rng;
use super::split::Split;

/// An entity with its appearance. The appearance is drawn from a hash of name and class, so the letters of a name do not
/// predict it.
#[derive(Debug, Clone)]
pub(super) struct Entity {
    pub(super) surface: String,
    pub(super) class: Class,
    pub(super) description: Description,
}

impl Entity {
    /// The entity of a name; independent of capitalisation.
    pub(super) fn of(name: Name) -> Self {
        let mut rng = seeded_rng("look", &name.surface.to_lowercase(), name.class as u64);
        let appearance = Appearance::draw(name.class, &mut rng);
        let description = Description::draw(appearance, &mut rng);
        Self { surface: name.surface, class: name.class, description }
    }

    /// Draws an entity of a class in a split.
    pub(super) fn draw(split: Split, class: Class, rng: &mut impl Rng) -> Self {
        let ambiguous = rng.random_bool(split.difficulty().ambiguous_names);
        let split = split.names();
        let name = ambiguous.then(|| names::draw_ambiguous(split, class, rng)).flatten();
        Self::of(name.unwrap_or_else(|| names::draw(split, class, rng)))
    }

    /// Whether a picture could be ambiguous between the two entities.
    pub(super) fn is_confusable_with(&self, other: &Entity) -> bool {
        self.surface.eq_ignore_ascii_case(&other.surface)
            || self.description.fits(&other.description.appearance)
            || other.description.fits(&self.description.appearance)
    }
}
