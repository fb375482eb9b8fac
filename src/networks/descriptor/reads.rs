//! Reading: what a network reads of a text, and in which vocabulary.

/// What a network reads of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// Rows of its table of pieces or words.
    pub rows: i64,
    /// Its longest input, in pieces or words.
    pub longest: usize,
    /// Its vocabulary.
    pub vocabulary: VocabularyKind,
}

/// A kind of vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VocabularyKind {
    /// A `tokenizer.json`, which cuts texts into pieces.
    Pieces,
    /// A list of words, one a line: the network reads phrases alone, word by word, and no questions.
    Words,
}

impl Reads {
    /// The reading of pieces, of a table of `rows` and at most `longest` of them.
    #[must_use]
    pub fn pieces(rows: i64, longest: i64) -> Self {
        Self { rows, longest: longest as usize, vocabulary: VocabularyKind::Pieces }
    }

    /// The reading of words, of a list of `rows` and at most `longest` of them.
    #[must_use]
    pub fn words(rows: i64, longest: i64) -> Self {
        Self { rows, longest: longest as usize, vocabulary: VocabularyKind::Words }
    }
}
