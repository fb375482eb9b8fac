//! Ground stage: the box of a phrase in a picture, and boxes that a joint network chooses among ([`proposer`]).

mod grounder;
mod outline;
mod proposer;

use std::sync::Arc;

use crate::common::imaging::Picture;

pub use grounder::{Grounder, Located};
pub use outline::Outline;
pub use proposer::Proposer;

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
    /// The boxes that the same search found beside it, best first; empty from networks that follow one box alone.
    pub others: Vec<OtherBox>,
}

/// A region of a picture that may show something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Left, top, right and bottom as fractions of the upright picture, 0 to 1.
    pub corners: [f32; 4],
    /// The likelihood of the box, 0 to 1, as that of a [`Located`].
    pub score: f32,
}

/// A box that the network finds less likely than that of its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OtherBox {
    /// As those of the answer.
    pub corners: [f64; 4],
    /// Log-probability of its four tokens.
    pub log_probability: f32,
}
