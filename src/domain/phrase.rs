//! An entity in words that a picture can show.

/// What is asked of a picture: a name alone seldom says what to look for, so the expansion does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phrase {
    /// The referring expression that goes to the networks, such as `CP3 (PER) - a basketball player in a purple jersey`.
    pub text: String,
    /// The expansion in it, where there is one.
    pub expansion: Option<String>,
    /// Who knew the expansion.
    pub source: PhraseSource,
    /// All that language models said, each once; the first is the expansion. Empty where another source knew it.
    pub told: Vec<Told>,
}

/// An expansion, as one source told it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Told {
    /// The endpoint that said so; nothing for a file.
    pub by: Option<String>,
    /// What it said.
    pub text: String,
}

/// Where an expansion came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhraseSource {
    /// The bundle's or the user's lexicon file.
    Lexicon,
    /// A language model, now or when the same was asked before.
    Llm,
    /// Nobody: the phrase is entity and type alone.
    NameOnly,
}

impl PhraseSource {
    /// All of them.
    pub const ALL: [PhraseSource; 3] = [PhraseSource::Lexicon, PhraseSource::Llm, PhraseSource::NameOnly];

    /// The word for it on the wire and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lexicon => "lexicon",
            Self::Llm => "llm",
            Self::NameOnly => "name-only",
        }
    }
}
