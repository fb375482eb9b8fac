//! Scores on matched mentions: what gate, grounder and segmenter did where the tagger was right, from answers alone.

use std::fmt;
use std::ops::AddAssign;

use serde::Serialize;

use crate::lab::dataset::{GoldPost, PredictedMention};

use super::MeanScore;
use super::regions::Kind;
use super::rules::Rules;
use super::scores::Score;

/// The gate's decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Shown, and said to be.
    pub true_positive: u64,
    /// Not shown, and said not to be.
    pub true_negative: u64,
    /// Not shown, but said to be.
    pub false_positive: u64,
    /// Shown, but said not to be.
    pub false_negative: u64,
}

impl Confusion {
    fn add(&mut self, said: bool, shown: bool) {
        let count = match (said, shown) {
            (true, true) => &mut self.true_positive,
            (false, false) => &mut self.true_negative,
            (true, false) => &mut self.false_positive,
            (false, true) => &mut self.false_negative,
        };
        *count += 1;
    }

    /// All decisions.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.true_positive + self.true_negative + self.false_positive + self.false_negative
    }

    /// The share of right decisions; 0 without decisions.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let right = self.true_positive + self.true_negative;
        if self.asked() == 0 { 0.0 } else { right as f64 / self.asked() as f64 }
    }
}

impl AddAssign for Confusion {
    fn add_assign(&mut self, other: Self) {
        self.true_positive += other.true_positive;
        self.true_negative += other.true_negative;
        self.false_positive += other.false_positive;
        self.false_negative += other.false_negative;
    }
}

/// The scores of mentions whose name and type are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct MatchedScores {
    /// The gate.
    pub entailment: Confusion,
    /// Shares of right boxes, where a picture shows the entity and the answer has a box.
    pub grounding: MeanScore,
    /// Mean IoU of masks, likewise.
    pub masks: MeanScore,
}

impl MatchedScores {
    /// Counts all posts that say what pictures show.
    #[must_use]
    pub fn count<'posts>(
        posts: impl IntoIterator<Item = (&'posts GoldPost, &'posts [PredictedMention])>,
        rules: Rules,
    ) -> Self {
        let mut scores = Self::default();
        for (gold, predicted) in posts.into_iter().filter(|(gold, _)| gold.grounded) {
            let pairs = Score::Mner.pairs(gold, predicted, rules).unwrap_or_default();
            for (said, place) in predicted.iter().zip(pairs) {
                let Some(mention) = place.map(|place| &gold.mentions[place]) else { continue };
                scores.entailment.add(said.is_depicted(), !mention.regions.is_empty());
                if mention.regions.is_empty() || said.regions.is_empty() {
                    continue;
                }
                if Kind::Box.is_known(&mention.regions, &said.regions) {
                    let right = Kind::Box.agree(&said.regions, &mention.regions, rules.threshold);
                    scores.grounding.add(f64::from(right));
                }
                if Kind::Mask.is_known(&mention.regions, &said.regions) {
                    scores.masks.add(Kind::Mask.best_iou(&said.regions, &mention.regions));
                }
            }
        }
        scores
    }
}

impl fmt::Display for MatchedScores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Confusion { true_positive, true_negative, false_positive, false_negative } = self.entailment;
        writeln!(
            formatter,
            "{:<40}  {:.4}  of {} (TN {true_negative}, TP {true_positive}, FP {false_positive}, FN {false_negative})",
            "VE accuracy where the name is right",
            self.entailment.accuracy(),
            self.entailment.asked()
        )?;
        for (name, share) in
            [("VG right boxes where depicted", self.grounding), ("mask mIoU where depicted", self.masks)]
        {
            if share.asked > 0 {
                writeln!(formatter, "{name:<40}  {:.4}  of {}", share.mean(), share.asked)?;
            }
        }
        Ok(())
    }
}
