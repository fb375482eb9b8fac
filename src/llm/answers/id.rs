//! Answer ids: the kind of a question and the hash of everything that decides its answer.

/// The purpose of an answer. Its name is a label of metrics and a part of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A phrase for an entity: what a picture of it would show.
    Expansion,
    /// Knowledge about a post for the tagger.
    Knowledge,
    /// A short caption of a picture.
    Caption,
    /// A detailed caption of a picture.
    Description,
    /// Whether a picture shows a phrase.
    Entailment,
    /// Where a picture shows a phrase.
    Grounding,
    /// Whether and where a picture shows a phrase, in one question.
    Depiction,
    /// The entities of a whole post, and where its pictures show them.
    Extraction,
    /// Which of several real entities a name means.
    Link,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Expansion,
        Self::Knowledge,
        Self::Caption,
        Self::Description,
        Self::Entailment,
        Self::Grounding,
        Self::Depiction,
        Self::Extraction,
        Self::Link,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expansion => "expansion",
            Self::Knowledge => "knowledge",
            Self::Caption => "caption",
            Self::Description => "description",
            Self::Entailment => "entailment",
            Self::Grounding => "grounding",
            Self::Depiction => "depiction",
            Self::Extraction => "extraction",
            Self::Link => "link",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Identifies an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerId {
    /// The purpose of the answer.
    pub kind: Kind,
    /// The question's key.
    pub key: [u8; 32],
}

/// An id in bytes: one byte for the kind, then the key.
pub(super) type IdBytes = [u8; 33];

impl AnswerId {
    pub(super) fn to_bytes(self) -> IdBytes {
        let mut bytes = [0; 33];
        bytes[0] = self.kind as u8;
        bytes[1..].copy_from_slice(&self.key);
        bytes
    }

    /// None for an unknown kind, which another version wrote.
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
    pub fn from_hex(kind: Kind, hex: &str) -> Option<Self> {
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
            let id = AnswerId { kind: Kind::ALL[kind], key };
            prop_assert_eq!(AnswerId::from_bytes(&id.to_bytes()), Some(id));
            prop_assert_eq!(AnswerId::from_hex(id.kind, &id.hex()), Some(id));
            prop_assert_eq!(Kind::from_name(id.kind.as_str()), Some(id.kind));
        }
    }

    #[test]
    fn what_is_no_id_is_none() {
        assert_eq!(AnswerId::from_bytes(&[9; 33]), None);
        assert_eq!(
            [AnswerId::from_hex(Kind::Caption, "ab"), AnswerId::from_hex(Kind::Caption, &"x".repeat(64))],
            [None, None]
        );
        assert_eq!(Kind::from_name("Expansion"), None);
    }
}
