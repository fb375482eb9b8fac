//! Where in the picture is it?

mod grounder;

use std::sync::Arc;

use crate::imaging::Picture;

pub use grounder::Grounder;

/// One phrase to be found in one picture.
#[derive(Debug, Clone)]
pub struct Request {
    /// The picture, squashed to the network's resolution.
    pub picture: Arc<Picture>,
    /// The prompt in vocabulary ids, with both special tokens.
    pub prompt: Vec<u32>,
}

/// A box in location bins of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reply {
    /// Left, top, right, bottom: indices of location bins.
    pub bins: [u32; 4],
    /// Log-probability of the four tokens together.
    pub log_probability: f32,
}
