//! What form has an answer that was asked for? One for each kind of question.

use crate::llm::answers::Kind;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A short noun phrase: what a picture of an entity would show.
    Phrase,
    /// The entities of a text with reasons, for the tagger.
    Knowledge,
    /// One sentence about a picture.
    Caption,
    /// A few sentences about a picture.
    Description,
}

/// An answer that is this many times longer than is kept of it is not what was asked for, and is refused, not cut.
const FAR_LONGER: usize = 4;

impl Form {
    /// The form of answers of this kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Expansion => Self::Phrase,
            Kind::Knowledge => Self::Knowledge,
            Kind::Caption => Self::Caption,
            Kind::Description => Self::Description,
        }
    }

    /// What the answer is called in a JSON object.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Phrase => "phrase",
            Self::Knowledge => "annotation",
            Self::Caption | Self::Description => "description",
        }
    }

    /// What is kept of an answer at most, in characters.
    ///
    /// Networks read 30 to 80 words of a phrase, the name among them. Published knowledge has 91 words on average and 211
    /// at most, and a tagger of 512 pieces reads no more beside a text. Descriptions are a part of prompts.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Self::Phrase | Self::Caption => 200,
            Self::Description => 800,
            Self::Knowledge => 1_500,
        }
    }

    /// The length in characters above which an answer is refused.
    pub(super) fn too_long(self) -> usize {
        FAR_LONGER * self.longest()
    }

    /// With what lines of the prompt begin: an answer that goes on with one of them has begun to invent a further
    /// question, and ends before it. The prompts are tested to have no others.
    #[must_use]
    pub fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Phrase => &["Background:", "Text:", "Q:"],
            Self::Knowledge => &["Text:", "Image:", "Question:"],
            Self::Caption | Self::Description => &[],
        }
    }
}
