//! Entail stage: whether a picture shows a phrase.

mod entailer;

use std::sync::Arc;

use crate::common::imaging::Picture;

pub use entailer::Entailer;

/// One phrase and one picture.
#[derive(Debug, Clone)]
pub struct Request {
    /// The picture in the network's view.
    pub picture: Arc<Picture>,
    /// The prompt in vocabulary ids, with both special tokens: the question with the phrase, and with the picture's caption
    /// where the question holds one.
    pub prompt: Vec<u32>,
}

/// The probabilities of the network's three answers; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reply {
    /// The picture does not show it.
    pub no: f32,
    /// It does.
    pub yes: f32,
    /// It may.
    pub maybe: f32,
}
