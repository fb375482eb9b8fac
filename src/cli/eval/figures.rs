//! Figures of an evaluation: all that is computed from answers, as text for people and JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::lab::dataset::{GoldPost, PredictedMention};
use crate::lab::eval::{
    Comparison, Interval, Intervals, LostPoints, MatchedScores, Resampling, Rules, Score, Scores,
    StageScores, Sweep, TypeScores,
};

/// A post with its answers.
type Answered<'a> = (&'a GoldPost, &'a [PredictedMention]);

/// The tables beside the scores that are printed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tables {
    pub(super) types: bool,
    pub(super) sweep: bool,
    pub(super) stages: bool,
}

/// All figures.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) scores: Scores,
    /// 95 % of the F1 of each score, by resampling posts.
    pub(super) intervals: Intervals,
    pub(super) types: TypeScores,
    pub(super) sweep: Sweep,
    /// Of mentions whose name is right, from the answers alone.
    pub(super) matched: MatchedScores,
    pub(super) lost: LostPoints,
    /// Of each network on gold; none if the engine did not run.
    pub(super) stages: Option<StageScores>,
    /// With the answers of another file.
    pub(super) against: Option<Comparison>,
}

impl Figures {
    pub(super) fn of(posts: &[Answered<'_>], rules: Rules, resampling: Resampling) -> Self {
        let each = of_posts(posts, rules);
        let scores = each.iter().copied().fold(Scores::ZERO, Scores::plus);
        Self {
            intervals: Intervals::draw(&each, resampling),
            types: TypeScores::count(posts.iter().copied(), rules, &scores),
            sweep: Sweep::count(posts, rules),
            matched: MatchedScores::count(posts.iter().copied(), rules),
            lost: LostPoints::count(posts.iter().copied(), rules, &scores),
            scores,
            stages: None,
            against: None,
        }
    }

    /// Writes the scores and the wanted tables.
    pub(super) fn print(&self, tables: Tables, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.scores)?;
        let intervals = Score::ALL.iter().filter_map(|&score| Some((score, self.intervals.get(score)?)));
        let written = intervals
            .map(|(score, Interval { low, high })| format!("{} {low:.4} to {high:.4}", score.as_str()));
        let written: Vec<String> = written.collect();
        if !written.is_empty() {
            writeln!(out, "95 % of F1: {}\n", written.join(", "))?;
        }
        if let Some(stages) = &self.stages {
            write!(out, "{stages}")?;
        }
        if self.matched.entailment.asked() > 0 {
            write!(out, "{}", self.matched)?;
        }
        if tables.types {
            write!(out, "\n{}", self.types)?;
        }
        if tables.sweep {
            write!(out, "\n{}", self.sweep)?;
        }
        if tables.stages {
            write!(out, "\n{}", self.lost)?;
        }
        if let Some(against) = &self.against {
            write!(out, "\n{against}")?;
        }
        Ok(())
    }
}

/// The scores of single posts.
pub(super) fn of_posts(posts: &[Answered<'_>], rules: Rules) -> Vec<Scores> {
    posts.iter().map(|(gold, predicted)| Scores::of_post(gold, predicted, rules)).collect()
}
