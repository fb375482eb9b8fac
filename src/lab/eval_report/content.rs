//! Content of a report: the figures, and the posts with their answers, verdicts and pictures.

use crate::lab::dataset::{GoldPost, PredictedMention};
use crate::lab::eval::{Fault, Intervals, JudgedPair, LostPoints, Scores, Sweep, TypeScores};

/// All that is on the page.
#[derive(Debug)]
pub struct Content {
    /// The heading.
    pub title: String,
    /// What was scored, by which rules.
    pub subtitle: String,
    /// The scores.
    pub scores: Scores,
    /// How sure they are.
    pub intervals: Intervals,
    /// By entity type.
    pub types: TypeScores,
    /// By overlap.
    pub sweep: Sweep,
    /// By part of the engine.
    pub lost: LostPoints,
    /// The posts that are shown.
    pub cards: Vec<Card>,
    /// All posts that were scored.
    pub posts: usize,
}

/// One post.
#[derive(Debug)]
pub struct Card {
    /// The gold.
    pub gold: GoldPost,
    /// The answer.
    pub predicted: Vec<PredictedMention>,
    /// The verdicts.
    pub pairs: Vec<JudgedPair>,
    /// The pictures; without them boxes are shown on an empty ground.
    pub pictures: Vec<Picture>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The key of the post's media.
    pub key: String,
    /// In pixels of the upright picture, in which boxes are given.
    pub width: u32,
    /// Likewise.
    pub height: u32,
    /// The name of the file in the folder of pictures.
    pub file: String,
}

impl Card {
    /// The kinds of its errors, in the order of the engine's parts, each once.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let has = |fault: &Fault| self.pairs.iter().any(|pair| pair.fault == Some(*fault));
        Fault::ALL.into_iter().filter(has).collect()
    }
}
