//! Phrases: an entity in words that a picture can show.

/// What is looked for in a picture. A name alone seldom describes an appearance; the expansion does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phrase {
    /// The referring expression that goes to the networks, such as `CP3 (PER) - a basketball player in a purple
    /// jersey`.
    pub text: String,
    /// The expansion in it, where there is one.
    pub expansion: Option<String>,
    /// The source of the expansion.
    pub source: PhraseSource,
    /// The answers of language models, each once; the first is the expansion. Empty where the expansion has another
    /// source.
    pub answers: Vec<ModelAnswer>,
}

/// An expansion from one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelAnswer {
    /// The endpoint that gave it; none for a file.
    pub endpoint: Option<String>,
    /// The expansion.
    pub text: String,
}

/// Where an expansion came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhraseSource {
    /// The bundle's or the user's lexicon file.
    Lexicon,
    /// A file of published answers.
    File,
    /// A language model, now or from the cache.
    Llm,
    /// No source: the phrase is entity and type alone.
    NameOnly,
}

impl PhraseSource {
    /// All of them.
    pub const ALL: [PhraseSource; 4] =
        [PhraseSource::Lexicon, PhraseSource::File, PhraseSource::Llm, PhraseSource::NameOnly];

    /// The word for it on the wire and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lexicon => "lexicon",
            Self::File => "file",
            Self::Llm => "llm",
            Self::NameOnly => "name-only",
        }
    }
}
