//! Degradations: what an answer lacks, as a code for programs and in words for people.

/// Something that an answer lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degradation {
    /// What kind of thing.
    pub code: DegradedCode,
    /// What, how much and why.
    pub detail: String,
}

/// The kinds of things that an answer may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DegradedCode {
    /// Entities beyond `engine.max_entities`.
    EntitiesBeyondLimit,
    /// Pairs of entity and picture beyond `engine.max_looks`.
    PairsBeyondLimit,
    /// Masks beyond `engine.max_mask_pixels`: the grounder's outlines are in their place.
    MasksBeyondLimit,
    /// Regions without a mask: no pixel was found, or the score is below `segment.minimum_mask_score`.
    NoMask,
    /// Pairs of entity and picture that a vision model did not judge.
    NotJudged,
    /// A picture has no caption for a question or a prompt.
    NotCaptioned,
    /// A language model did not expand a name.
    NotExpanded,
    /// A language model did not say which real entity a name means.
    NotLinked,
    /// The tagger was told nothing of the post.
    NoKnowledge,
    /// A vision model did not read the post, or parts of what it said were of no use.
    NotRead,
    /// The grounder failed to propose regions of a picture to the joint network, which chose among its grid.
    NotProposed,
    /// A medium could not be fetched or decoded, or is no picture.
    MediaLeftOut,
    /// A field of the record is not repeated.
    FieldNotRepeated,
    /// The answer was read from a version that had no codes, or that knows more of them.
    Unstated,
}

impl DegradedCode {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::EntitiesBeyondLimit,
        Self::PairsBeyondLimit,
        Self::MasksBeyondLimit,
        Self::NoMask,
        Self::NotJudged,
        Self::NotCaptioned,
        Self::NotExpanded,
        Self::NotLinked,
        Self::NoKnowledge,
        Self::NotRead,
        Self::NotProposed,
        Self::MediaLeftOut,
        Self::FieldNotRepeated,
        Self::Unstated,
    ];

    /// The word for it on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EntitiesBeyondLimit => "entities-beyond-limit",
            Self::PairsBeyondLimit => "pairs-beyond-limit",
            Self::MasksBeyondLimit => "masks-beyond-limit",
            Self::NoMask => "no-mask",
            Self::NotJudged => "not-judged",
            Self::NotCaptioned => "not-captioned",
            Self::NotExpanded => "not-expanded",
            Self::NotLinked => "not-linked",
            Self::NoKnowledge => "no-knowledge",
            Self::NotRead => "not-read",
            Self::NotProposed => "not-proposed",
            Self::MediaLeftOut => "media-left-out",
            Self::FieldNotRepeated => "field-not-repeated",
            Self::Unstated => "unstated",
        }
    }

    /// The code of that word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }

    /// This kind of thing, described.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> Degradation {
        Degradation { code: self, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_word() {
        for code in DegradedCode::ALL {
            assert_eq!(DegradedCode::of_word(code.as_str()), Some(code));
        }
        assert_eq!(DegradedCode::of_word("tired"), None);
    }
}
