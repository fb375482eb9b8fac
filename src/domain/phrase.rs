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
}

/// Where an expansion came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhraseSource {
    /// The bundle's or the user's lexicon file.
    Lexicon,
    /// Nobody: the phrase is entity and type alone.
    NameOnly,
}

impl PhraseSource {
    /// The word for it on the wire and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lexicon => "lexicon",
            Self::NameOnly => "name-only",
        }
    }
}
