//! Which entities does the text name?

mod labels;
mod recogniser;
mod word_tokenizer;
mod windows;
mod words;

pub use labels::{LabelSet, LabelledWords, TagScheme, UnknownLabel};
pub use recogniser::Recogniser;
pub use windows::Window;
pub use word_tokenizer::{TokenizerError, WordTokenizer};
pub use words::split_words;

/// A text as the tagger reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Vocabulary ids, with the special tokens at both ends.
    pub pieces: Vec<u32>,
    /// For each word that is tagged, the index in `pieces` of its first piece.
    pub first_pieces: Vec<u32>,
    /// The same for the words that follow the text for the network to know and that nobody asks about; mostly none.
    pub context_first_pieces: Vec<u32>,
}

/// What the tagger says of each word of a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The best label sequence (Viterbi), an index into the label set for each word.
    pub labels: Vec<usize>,
    /// The posterior of each chosen label given the whole text (forward-backward), 0 to 1.
    pub posteriors: Vec<f32>,
}
