//! Where in the picture is it?

mod grounder;

use std::sync::Arc;

use crate::imaging::Picture;

pub use grounder::Grounder;

/// One phrase to be found in one picture.
#[derive(Debug, Clone)]
pub struct Request {
    /// The picture at the network's resolution, squashed or scaled as the network wants it.
    pub picture: Arc<Picture>,
    /// The prompt in ids of the network's vocabulary; for OFA with both special tokens.
    pub prompt: Vec<u32>,
}

/// A box, and how likely it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reply {
    /// Left, top, right, bottom as fractions of the original picture, 0 to 1: each network measures in its own way, on
    /// its own view of the picture.
    pub corners: [f64; 4],
    /// Log-probability of the four tokens together.
    pub log_probability: f32,
}
