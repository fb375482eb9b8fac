//! Appearance of objects, and the phrases that describe it.

use std::ops::Range;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::difficulty;
use super::palette::{BLACK, COLOURS, RED, WHITE, YELLOW};

/// The kinds of objects in pictures: people, then places, organisations' logos, and all others.
pub const KINDS: &[&str] = &[
    "man",
    "woman",
    "tower",
    "bridge",
    "castle",
    "house",
    "lighthouse",
    "star logo",
    "ring logo",
    "shield logo",
    "team shirt",
    "car",
    "cup",
    "guitar",
    "cat",
    "fish",
    "tree",
    "phone",
    "boat",
];

/// The class of an entity; determines the kinds that it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    Person,
    Place,
    Organisation,
    Other,
}

impl Class {
    pub(super) const ALL: [Class; 4] = [Class::Person, Class::Place, Class::Organisation, Class::Other];

    /// Its entity type in the shipped bundle.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Person => "PER",
            Self::Place => "LOC",
            Self::Organisation => "ORG",
            Self::Other => "OTHER",
        }
    }

    fn kinds(self) -> Range<usize> {
        match self {
            Self::Person => 0..2,
            Self::Place => 2..7,
            Self::Organisation => 7..11,
            Self::Other => 11..KINDS.len(),
        }
    }
}

/// The appearance of an entity or a distractor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Appearance {
    /// Index into [`KINDS`].
    pub kind: usize,
    /// Colour of the largest part, index into [`COLOURS`].
    pub colour: usize,
    /// Colour of the accent part (hat or hair, roof, sleeves, sail), never the main colour.
    pub accent: usize,
    /// People only: whether `accent` is the colour of a hat; otherwise it is the colour of the hair.
    pub hat: bool,
    /// People only: a long coat instead of a shirt or a dress. Never the only difference between two people.
    pub coat: bool,
}

impl Appearance {
    /// Draws an appearance that an entity of the class can have.
    pub(super) fn draw(class: Class, rng: &mut impl Rng) -> Self {
        let kind = rng.random_range(class.kinds());
        let colour = rng.random_range(0..COLOURS.len());
        let hat = rng.random_bool(0.6);
        let accent = draw_accent(kind, hat, colour, rng);
        Self { kind, colour, accent, hat, coat: rng.random_bool(0.5) }
    }

    /// The same with another main colour.
    pub(super) fn recoloured(&self, rng: &mut impl Rng) -> Self {
        let colour = other_colour(self.colour, self.accent, rng);
        Self { colour, ..*self }
    }

    /// The same with another accent colour.
    pub(super) fn reaccented(&self, rng: &mut impl Rng) -> Self {
        let mut changed = *self;
        while changed.accent == self.accent {
            changed.accent = draw_accent(self.kind, self.hat, self.colour, rng);
        }
        changed
    }

    /// Whether it is a person.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.kind < 2
    }
}

/// An expansion: the attributes of an appearance that it names, and its wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The described appearance.
    pub appearance: Appearance,
    /// Whether it names the accent too.
    pub names_accent: bool,
    phrasing: usize,
}

impl Description {
    /// Draws a wording for an appearance.
    pub fn draw(appearance: Appearance, rng: &mut impl Rng) -> Self {
        let names_accent = rng.random_bool(difficulty::PHRASE_NAMES_ACCENT);
        Self { appearance, names_accent, phrasing: rng.random_range(0..6) }
    }

    /// The same with the accent named.
    #[must_use]
    pub fn with_accent(self) -> Self {
        Self { names_accent: true, ..self }
    }

    /// The same attributes in another wording.
    #[must_use]
    pub fn rephrased(self, rng: &mut impl Rng) -> Self {
        Self { phrasing: rng.random_range(0..6), ..self }
    }

    /// Whether the phrase matches an appearance. Garments, and whether an accent is a hat or hair, are ignored on purpose,
    /// so that no two objects of a picture differ in those alone.
    #[must_use]
    pub fn fits(&self, appearance: &Appearance) -> bool {
        self.appearance.kind == appearance.kind
            && self.appearance.colour == appearance.colour
            && (!self.names_accent || self.appearance.accent == appearance.accent)
    }

    /// The text: at most 11 words of a closed vocabulary.
    #[must_use]
    pub fn words(&self) -> String {
        let phrasings = if self.names_accent { full(&self.appearance) } else { short(&self.appearance) };
        let garment = match (self.appearance.kind, self.appearance.coat) {
            (_, true) => "coat",
            (0, false) => "shirt",
            (_, false) => "dress",
        };
        let accent = match (self.appearance.is_person() && !self.appearance.hat, self.appearance.accent) {
            (true, YELLOW) => "blond",
            (_, accent) => COLOURS[accent].name,
        };
        phrasings[self.phrasing % phrasings.len()]
            .replace("{k}", KINDS[self.appearance.kind])
            .replace("{m}", COLOURS[self.appearance.colour].name)
            .replace("{a}", accent)
            .replace("{g}", garment)
    }
}

fn draw_accent(kind: usize, hat: bool, colour: usize, rng: &mut impl Rng) -> usize {
    if kind < 2 && !hat {
        let hair = [BLACK, YELLOW, RED, WHITE];
        loop {
            let accent = *hair.choose(rng).unwrap_or(&BLACK);
            if accent != colour {
                return accent;
            }
        }
    }
    other_colour(colour, colour, rng)
}

fn other_colour(first: usize, second: usize, rng: &mut impl Rng) -> usize {
    loop {
        let colour = rng.random_range(0..COLOURS.len());
        if colour != first && colour != second {
            return colour;
        }
    }
}

/// Templates that name the main colour alone.
fn short(appearance: &Appearance) -> &'static [&'static str] {
    match appearance.kind {
        0 | 1 => &["a {k} in a {m} {g}", "a {k} wearing a {m} {g}", "a {k} dressed in a {m} {g}"],
        2 => &["a {m} tower", "a tall {m} tower", "a tower painted {m}"],
        7 => &["a logo with a {m} star", "a {m} star logo", "a round logo showing a {m} star"],
        8 => &["a {m} ring logo", "a logo shaped like a {m} ring"],
        9 => &["a {m} shield logo", "a logo shaped like a {m} shield"],
        10 => &["a {m} team shirt", "the team shirt in {m}", "a {m} sports jersey"],
        _ => &["a {m} {k}", "a {k} that is {m}", "a {k} in {m}"],
    }
}

/// Templates that name the accent too, in either order: a network must bind each colour to its part.
fn full(appearance: &Appearance) -> &'static [&'static str] {
    match (appearance.kind, appearance.hat) {
        (0 | 1, true) => &[
            "a {k} in a {m} {g} with a {a} hat",
            "a {k} wearing a {m} {g} and a {a} hat",
            "a {k} with a {a} hat and a {m} {g}",
        ],
        (0 | 1, false) => &[
            "a {k} in a {m} {g} with {a} hair",
            "a {k} with {a} hair in a {m} {g}",
            "a {k} wearing a {m} {g} who has {a} hair",
        ],
        (2, _) => &["a tall {m} tower with a {a} top", "a {m} tower with a {a} top"],
        (3, _) => &["a {m} bridge with {a} pillars", "a bridge with {a} pillars and a {m} deck"],
        (4, _) => &["a {m} castle with a {a} gate", "a castle with a {a} gate and {m} walls"],
        (5, _) => &["a {m} house with a {a} roof", "a house with a {a} roof and {m} walls"],
        (6, _) => &["a {m} lighthouse with {a} stripes", "a {m} lighthouse striped in {a}"],
        (7, _) => &["a {m} star logo on a {a} disc", "a round {a} logo with a {m} star"],
        (8, _) => &["a {m} ring logo with a {a} dot", "a logo with a {a} dot in a {m} ring"],
        (9, _) => &["a {m} shield logo with a {a} cross", "a logo with a {a} cross on a {m} shield"],
        (10, _) => &["a {m} team shirt with {a} sleeves", "a {m} sports jersey with {a} sleeves"],
        (11, _) => &["a {m} car with a {a} roof", "a car with a {a} roof and a {m} body"],
        (12, _) => &["a {m} cup with a {a} band", "a cup in {m} with a {a} band"],
        (13, _) => &["a {m} guitar with a {a} neck", "a guitar with a {a} neck and a {m} body"],
        (14, _) => &["a {m} cat with a {a} scarf", "a {m} cat wearing a {a} scarf"],
        (15, _) => &["a {m} fish with a {a} tail", "a fish with a {a} tail and a {m} body"],
        (16, _) => &["a {m} tree with a {a} trunk", "a tree with a {a} trunk and {m} leaves"],
        (17, _) => &["a {m} phone with a {a} screen", "a {m} phone showing a {a} screen"],
        _ => &["a {m} boat with a {a} sail", "a boat with a {a} sail and a {m} hull"],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn phrases_are_short_and_their_vocabulary_is_small() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut words = HashSet::new();
        for round in 0..20_000 {
            let appearance = Appearance::draw(Class::ALL[round % 4], &mut rng);
            assert_ne!(appearance.colour, appearance.accent);
            let phrase = Description::draw(appearance, &mut rng).words();
            assert!(!phrase.contains('{'), "{phrase}");
            assert!(phrase.split(' ').count() <= 11, "{phrase}");
            words.extend(phrase.split(' ').map(str::to_owned));
        }
        assert!(words.len() < 90, "{} words", words.len());
    }

    #[test]
    fn a_phrase_fits_its_own_look_and_no_near_miss() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for round in 0..2_000 {
            let appearance = Appearance::draw(Class::ALL[round % 4], &mut rng);
            let phrase = Description::draw(appearance, &mut rng);
            assert!(phrase.fits(&appearance));
            assert!(!phrase.fits(&appearance.recoloured(&mut rng)));
            assert!(!phrase.with_accent().fits(&appearance.reaccented(&mut rng)));
        }
    }
}
