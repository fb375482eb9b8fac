//! Label: the place of a word in an entity and the entity's type, and which labels a scheme lets follow each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::EntityType;

/// The place of a word in an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `B`: the first word.
    Begin,
    /// `I`: a further word.
    Inside,
    /// `E`, or `L` in BILOU: the last of several words.
    End,
    /// `S`, or `U` in BILOU: the only word.
    Single,
}

/// A label of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Label {
    /// In no entity.
    Outside,
    /// In an entity of this type.
    Within(Place, EntityType),
}

/// The tagging scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagScheme {
    /// `B I E S`: beginning, inside, end, single word. BILOU is the same with other letters.
    #[default]
    Bioes,
    /// `B I`: beginning, inside. Also IOB2.
    Bio,
    /// `B I`, with `B` only between two entities of one type that touch.
    Iob1,
    /// Types without places: words of one type that touch are one entity.
    Types,
}

/// Labels that no tagger can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelFault {
    /// Nothing says that a word is in no entity.
    #[error("no label is `O`, for words outside of entities: {}", labels.join(", "))]
    NoOutside {
        /// The labels.
        labels: Vec<String>,
    },
    /// No label has an entity type.
    #[error("no label has an entity type")]
    NoEntity,
}

impl Label {
    /// The name of [`Label::Outside`].
    pub(super) const OUTSIDE: &'static str = "O";

    /// The label of that name in a scheme.
    pub(super) fn parse(name: &str, scheme: TagScheme) -> Self {
        if name == Self::OUTSIDE {
            return Self::Outside;
        }
        match (split(name), scheme) {
            (Some((place, name)), _) => Self::Within(place, EntityType::new(name)),
            (None, TagScheme::Types) => Self::Within(Place::Inside, EntityType::new(name)),
            (None, _) => Self::Outside,
        }
    }

    /// The type, where there is one.
    pub(super) fn entity_type(&self) -> Option<&EntityType> {
        match self {
            Self::Outside => None,
            Self::Within(_, entity_type) => Some(entity_type),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => formatter.write_str(Self::OUTSIDE),
            Self::Within(place, entity_type) => write!(formatter, "{}-{entity_type}", place.letter()),
        }
    }
}

impl Place {
    fn letter(self) -> char {
        match self {
            Self::Begin => 'B',
            Self::Inside => 'I',
            Self::End => 'E',
            Self::Single => 'S',
        }
    }
}

impl TagScheme {
    /// The scheme of a table of names: types without places; BIOES where a label has `E`, `S`, `L` or `U`; else IOB1 where
    /// a type has no `B`; else BIO.
    pub(super) fn of_table<S: AsRef<str>>(table: &[S]) -> Self {
        let split: Vec<_> = table.iter().filter_map(|name| split(name.as_ref())).collect();
        if split.is_empty() {
            return Self::Types;
        }
        if split.iter().any(|(place, _)| matches!(place, Place::End | Place::Single)) {
            return Self::Bioes;
        }
        let begins = |name: &str| split.iter().any(|(place, own)| *place == Place::Begin && *own == name);
        if split.iter().all(|(_, name)| begins(name)) { Self::Bio } else { Self::Iob1 }
    }

    /// The places, in the order of derived labels.
    pub(super) fn places(self) -> &'static [Place] {
        match self {
            Self::Bioes => &[Place::Begin, Place::Inside, Place::End, Place::Single],
            Self::Bio | Self::Iob1 => &[Place::Begin, Place::Inside],
            Self::Types => &[Place::Inside],
        }
    }

    /// The names of the labels of these types, in their order.
    #[must_use]
    pub fn table(self, types: &[String]) -> Vec<String> {
        let of_type = |name: &String| {
            self.places().iter().map(|place| format!("{}-{name}", place.letter())).collect::<Vec<_>>()
        };
        std::iter::once(Label::OUTSIDE.to_owned()).chain(types.iter().flat_map(of_type)).collect()
    }

    /// The number of labels for this number of entity types.
    #[must_use]
    pub fn labels(self, types: usize) -> usize {
        1 + self.places().len() * types
    }

    /// The place of a word in an entity that touches no other: the word's position in it and the last position.
    pub(super) fn place(self, position: usize, last: usize) -> Place {
        match self {
            Self::Bioes if last == 0 => Place::Single,
            Self::Bioes if position == last && position > 0 => Place::End,
            Self::Bioes | Self::Bio if position == 0 => Place::Begin,
            _ => Place::Inside,
        }
    }

    /// Whether a label may follow another. The beginning and the end of a text count as [`Label::Outside`].
    pub(super) fn may_follow(self, from: &Label, to: &Label) -> bool {
        let same = from.entity_type() == to.entity_type();
        let place = |label: &Label| match label {
            Label::Outside => None,
            Label::Within(place, _) => Some(*place),
        };
        match self {
            Self::Types => true,
            Self::Iob1 => place(to) != Some(Place::Begin) || same,
            Self::Bio => place(to) != Some(Place::Inside) || same,
            Self::Bioes => {
                let open = matches!(place(from), Some(Place::Begin | Place::Inside));
                let continues = matches!(place(to), Some(Place::Inside | Place::End));
                open == continues && (same || !open)
            }
        }
    }
}

/// A name with a place: `B-LOC`, or `B_LOC`.
fn split(name: &str) -> Option<(Place, &str)> {
    let (letter, name) = name.split_once(['-', '_'])?;
    let place = match letter {
        "B" => Place::Begin,
        "I" => Place::Inside,
        "E" | "L" => Place::End,
        "S" | "U" => Place::Single,
        _ => return None,
    };
    (!name.is_empty()).then_some((place, name))
}
