//! Answer formats: one for each kind of question that is answered in words.

use crate::llm::answers::Kind;

/// The format of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerFormat {
    /// A short noun phrase: what a picture of an entity shows.
    Phrase,
    /// The entities of a text with reasons, for the tagger.
    Knowledge,
    /// One sentence about a picture.
    Caption,
    /// A few sentences about a picture.
    Description,
}

/// An answer this many times longer than [`AnswerFormat::max_chars`] is rejected instead of cut.
const FAR_LONGER: usize = 4;

impl AnswerFormat {
    /// The format of answers of this kind; none for kinds whose answers are objects that the caller reads.
    #[must_use]
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Expansion => Some(Self::Phrase),
            Kind::Knowledge => Some(Self::Knowledge),
            Kind::Caption => Some(Self::Caption),
            Kind::Description => Some(Self::Description),
            Kind::Entailment | Kind::Grounding | Kind::Depiction | Kind::Extraction | Kind::Link => None,
        }
    }

    /// The field of the JSON object that holds the answer.
    #[must_use]
    pub fn json_field(self) -> &'static str {
        match self {
            Self::Phrase => "phrase",
            Self::Knowledge => "annotation",
            Self::Caption | Self::Description => "description",
        }
    }

    /// The most characters that are kept of an answer.
    ///
    /// Networks read 30 to 80 words of a phrase, including the name. Published knowledge has 91 words on average and 211 at
    /// most, and a tagger of 512 pieces reads no more beside a text. Descriptions are a part of prompts.
    #[must_use]
    pub fn max_chars(self) -> usize {
        match self {
            Self::Phrase | Self::Caption => 200,
            Self::Description => 800,
            Self::Knowledge => 1_500,
        }
    }

    /// The length in characters above which an answer is rejected.
    pub(super) fn reject_above(self) -> usize {
        FAR_LONGER * self.max_chars()
    }

    /// How lines of the prompt begin. An answer ends before such a line, because there the model invents a further question.
    /// Tests check that the prompts have no other lines.
    #[must_use]
    pub fn prompt_line_starts(self) -> &'static [&'static str] {
        match self {
            Self::Phrase => &["Background:", "Text:", "Q:"],
            Self::Knowledge => &["Text:", "Image:", "Question:"],
            Self::Caption | Self::Description => &[],
        }
    }
}
