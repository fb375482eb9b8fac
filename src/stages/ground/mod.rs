//! Where in the picture is it?

mod grounder;
mod outline;

use std::sync::Arc;

use crate::common::imaging::Picture;

pub use grounder::{Grounder, Located};
pub use outline::Outline;

/// One phrase to be found in one picture.
#[derive(Debug, Clone)]
pub struct Request {
    /// The picture at the network's resolution, squashed or scaled as the network wants it.
    pub picture: Arc<Picture>,
    /// The prompt in ids of the network's vocabulary; for OFA with both special tokens.
    pub prompt: Vec<u32>,
}

/// A box, and how likely it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Left, top, right, bottom as fractions of the upright picture, 0 to 1: each network measures in its own way, on
    /// its own view of the picture.
    pub corners: [f64; 4],
    /// Log-probability of the answer's tokens together: the box's four, or those of the outline.
    pub log_probability: f32,
    /// What the box is drawn around, from a network that answers with more than a box.
    pub outline: Option<Outline>,
}
