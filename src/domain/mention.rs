//! Mentions: named entities where the text names them.

use std::fmt;
use std::sync::Arc;

/// An entity type, by its name in the bundle: PER, LOC, ORG, OTHER in the bundle that ships.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityType(Arc<str>);

impl EntityType {
    /// The type of that name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for EntityType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EntityType({})", self.0)
    }
}

/// A piece of a text, in code points and in bytes. Ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First Unicode code point.
    pub start: usize,
    /// One past the last code point.
    pub end: usize,
    /// First UTF-8 byte.
    pub byte_start: usize,
    /// One past the last byte.
    pub byte_end: usize,
}

/// One named entity in one place of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Mention {
    /// The text between the ends of the span.
    pub text: String,
    /// The entity type.
    pub entity_type: EntityType,
    /// Where in the post's text.
    pub span: Span,
    /// How sure the tagger is, 0 to 1: the lowest posterior among the mention's words.
    pub score: f32,
}
