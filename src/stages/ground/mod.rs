//! Ground stage: the box of a phrase in a picture.

mod grounder;
mod outline;

use std::sync::Arc;

use crate::common::imaging::Picture;

pub use grounder::{Grounder, Located};
pub use outline::Outline;

/// One phrase and one picture.
#[derive(Debug, Clone)]
pub struct Request {
    /// The picture in the network's view.
    pub picture: Arc<Picture>,
    /// The prompt in ids of the network's vocabulary; for OFA with both special tokens.
    pub prompt: Vec<u32>,
}

/// A box and its likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Left, top, right, bottom as fractions of the upright picture, 0 to 1, whatever units the network uses.
    pub corners: [f64; 4],
    /// Log-probability of all tokens of the answer: the box's four, or those of the outline.
    pub log_probability: f32,
    /// The outline within the box, from networks that give one.
    pub outline: Option<Outline>,
}
