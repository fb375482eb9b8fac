//! Who or what does a name stand for, and what would a picture of it show?

use rand::Rng;

use super::appearance::{Appearance, Class, Description};
use super::difficulty;
use super::names::{self, Name};
use super::rng::seeded_rng;
use super::split::Split;

/// An entity with its hidden look. The look hangs on a hash of name and type, so a name tells nothing of it.
#[derive(Debug, Clone)]
pub(super) struct Entity {
    pub(super) surface: String,
    pub(super) class: Class,
    pub(super) description: Description,
}

impl Entity {
    /// What the world knows of a name; the same however the name is capitalised.
    pub(super) fn of(name: Name) -> Self {
        let mut rng = seeded_rng("look", &name.surface.to_lowercase(), name.class as u64);
        let appearance = Appearance::draw(name.class, &mut rng);
        let description = Description::draw(appearance, &mut rng);
        Self { surface: name.surface, class: name.class, description }
    }

    /// Some entity of that class in that split.
    pub(super) fn draw(split: Split, class: Class, rng: &mut impl Rng) -> Self {
        let ambiguous = rng.random_bool(difficulty::AMBIGUOUS_NAME_SHARE);
        let name = ambiguous.then(|| names::draw_ambiguous(split, class, rng)).flatten();
        Self::of(name.unwrap_or_else(|| names::draw(split, class, rng)))
    }

    /// Whether a picture could leave open which of two entities it shows.
    pub(super) fn is_confusable_with(&self, other: &Entity) -> bool {
        self.surface.eq_ignore_ascii_case(&other.surface)
            || self.description.fits(&other.description.appearance)
            || other.description.fits(&self.description.appearance)
    }
}
