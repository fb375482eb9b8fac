//! Joint recognition: one network names the entities of a text with their types, and says which of a picture's candidate
//! regions shows each. It answers for the gate and the grounder too.
//!
//! Read [`reader`] first: from a post to its entities. [`candidates`] are the regions among which the network chooses, those
//! of a picture are in [`picture_candidates`], and [`merge`] joins what it says of several pictures.

mod candidates;
mod merge;
mod picture_candidates;
mod reader;

use std::ops::Range;
use std::sync::Arc;

use crate::common::imaging::Picture;

pub use candidates::{Candidate, Grid};
pub use merge::{JointLook, Read, merged};
pub use picture_candidates::{as_box, given_candidates, proposed_candidates};
pub use reader::{JointEntity, JointReader, JointSettings, Shown};

/// A text with one picture.
#[derive(Debug, Clone)]
pub struct Request {
    /// The text.
    pub text: super::Request,
    /// The picture in the network's view; none: the text alone is read.
    pub picture: Option<Arc<Picture>>,
    /// The regions among which it chooses.
    pub candidates: Arc<[Candidate]>,
}

/// What the network finds in a [`Request`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// In reading order, none overlaps another.
    pub found: Vec<Found>,
}

/// An entity that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which of the request's words.
    pub words: Range<usize>,
    /// The type, as an index into those of the bundle.
    pub entity_type: usize,
    /// The probability of the type, 0 to 1.
    pub score: f32,
    /// The logarithm of its odds, which tells apart probabilities that are rounded to 1.
    pub certainty: f32,
    /// The probability that the picture shows it, 0 to 1.
    pub shown: f32,
    /// The likeliest candidate, as an index into the request's, and its score; none without candidates.
    pub region: Option<(usize, f32)>,
}
