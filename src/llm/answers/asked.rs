//! What is asked, and what came of it? A question is known by its kind and the hash of all that decides the answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What an answer is for. The name is a label of metrics and a part of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What a picture of an entity would show.
    Expansion,
    /// What helps the tagger with a post.
    Knowledge,
    /// A picture in few words.
    Caption,
    /// A picture in many words.
    Description,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Expansion, Self::Knowledge, Self::Caption, Self::Description];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expansion => "expansion",
            Self::Knowledge => "knowledge",
            Self::Caption => "caption",
            Self::Description => "description",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A question.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the answer is for.
    pub kind: Kind,
    /// The hash of all that decides the answer: the rendered prompt, the model, its parameters.
    pub key: [u8; 32],
    /// What people know the answer by, such as the entity; the first [`SUBJECT`] characters are kept.
    pub subject: String,
    /// Who is asked.
    pub model: String,
    /// What of an answer that somebody kept is one.
    pub believe: Believe,
    /// The longest wait for another replica that asks the same.
    pub wait: Duration,
}

/// What of kept words is an answer, by the rules for fresh ones: whoever reaches a shared store can write there. All of
/// them, another wording of them, or none.
#[derive(Clone)]
pub struct Believe(Arc<Believes>);

type Believes = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Believe {
    /// Believes what this says.
    pub fn new(believe: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(believe))
    }

    /// What is believed of these words.
    #[must_use]
    pub fn of(&self, words: &str) -> Option<String> {
        (self.0)(words)
    }
}

impl fmt::Debug for Believe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Believe")
    }
}

/// The most characters of a subject, and of a model's name: they are for looking at, not for telling questions apart.
pub const SUBJECT: usize = 200;

/// What came of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The answer; none where it was refused or empty, which is kept for the short time.
    pub text: Option<String>,
    /// Why there is none, by a name that its asker knows.
    pub refused: Option<&'static str>,
}

impl Asked {
    pub(super) fn id(&self) -> Id {
        Id { kind: self.kind, key: self.key }
    }

    /// A question of no subject that anything answers.
    #[cfg(test)]
    pub(super) fn of(kind: Kind, key: [u8; 32]) -> Self {
        let believe = Believe::new(|words| Some(words.to_owned()));
        Self { kind, key, subject: String::new(), model: String::new(), believe, wait: Duration::MAX }
    }
}

/// What tells one answer from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// What the answer is for.
    pub kind: Kind,
    /// The question's key.
    pub key: [u8; 32],
}

/// An id in bytes: one for the kind, then the key.
pub(super) type IdBytes = [u8; 33];

impl Id {
    pub(super) fn to_bytes(self) -> IdBytes {
        let mut bytes = [0; 33];
        bytes[0] = self.kind as u8;
        bytes[1..].copy_from_slice(&self.key);
        bytes
    }

    /// None where no kind has that number: another version wrote it.
    pub(super) fn from_bytes(bytes: &IdBytes) -> Option<Self> {
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == bytes[0])?;
        let mut key = [0; 32];
        key.copy_from_slice(&bytes[1..]);
        Some(Self { kind, key })
    }

    /// The key in hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.key).to_hex().to_string()
    }

    /// The id of that kind and hexadecimal key.
    #[must_use]
    pub fn of(kind: Kind, hex: &str) -> Option<Self> {
        let key = blake3::Hash::from_hex(hex).ok()?;
        Some(Self { kind, key: *key.as_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_are_read_as_they_were_written(kind in 0..Kind::ALL.len(), key in any::<[u8; 32]>()) {
            let id = Id { kind: Kind::ALL[kind], key };
            prop_assert_eq!(Id::from_bytes(&id.to_bytes()), Some(id));
            prop_assert_eq!(Id::of(id.kind, &id.hex()), Some(id));
            prop_assert_eq!(Kind::named(id.kind.as_str()), Some(id.kind));
        }
    }

    #[test]
    fn what_is_no_id_is_none() {
        assert_eq!(Id::from_bytes(&[4; 33]), None);
        assert_eq!([Id::of(Kind::Caption, "ab"), Id::of(Kind::Caption, &"x".repeat(64))], [None, None]);
        assert_eq!(Kind::named("Expansion"), None);
    }
}
