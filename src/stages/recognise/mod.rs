//! Recognise stage: the entities that a text names.
//!
//! Read [`recogniser`] first: it splits a text into [`words`], packs their pieces ([`word_tokenizer`]) into [`windows`], and
//! reads the tagger's [`labels`]. [`joint`] is a network that finds the entities' regions in pictures as well.

pub mod joint;

mod emoji_names;
mod label;
mod labels;
mod recogniser;
mod text_style;
mod word_tokenizer;
mod window_memory;
mod windows;
mod words;

pub use labels::{LabelFault, LabelSet, LabelledWords, TagScheme, UnknownLabel};
pub use recogniser::Recogniser;
pub use text_style::TextStyle;
pub use windows::Window;
pub use word_tokenizer::{TokenizerError, WordTokenizer};
pub use words::split_words;

/// A text for the tagger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Vocabulary ids, with the special tokens at both ends.
    pub pieces: Vec<u32>,
    /// For each tagged word, the index of its first piece.
    pub first_pieces: Vec<u32>,
    /// The same for the words of the knowledge that follows the text. They are not tagged.
    pub context_first_pieces: Vec<u32>,
}

/// The tagger's labels of the words of a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The best label sequence (Viterbi), as indices into the label set.
    pub labels: Vec<usize>,
    /// The posterior of each label (forward-backward), 0 to 1.
    pub posteriors: Vec<f32>,
}
