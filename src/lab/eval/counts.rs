//! Counts of answers, and their ratios: precision, recall, F1, means.

use std::ops::AddAssign;

use serde::Serialize;

/// Numbers of predicted, gold and correct answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Predicted answers.
    pub predicted: u64,
    /// Gold answers.
    pub gold: u64,
    /// Predicted answers that match a gold answer.
    pub right: u64,
}

impl Counts {
    /// Share of the predicted answers that are correct; 0 if there are none.
    #[must_use]
    pub fn precision(&self) -> f64 {
        ratio(self.right, self.predicted)
    }

    /// Share of the gold answers that were predicted; 0 if there are none.
    #[must_use]
    pub fn recall(&self) -> f64 {
        ratio(self.right, self.gold)
    }

    /// The ratios and numbers as a row of a table.
    pub(super) fn columns(&self) -> String {
        let Self { predicted, gold, right } = self;
        let [precision, recall, f1] = [self.precision(), self.recall(), self.f1()];
        format!("{precision:>9.4}  {recall:>7.4}  {f1:>7.4}  {predicted:>11}  {gold:>7}  {right:>7}")
    }

    /// The sum.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self += other;
        self
    }

    /// Harmonic mean of precision and recall.
    #[must_use]
    pub fn f1(&self) -> f64 {
        ratio(2 * self.right, self.predicted + self.gold)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.predicted += other.predicted;
        self.gold += other.gold;
        self.right += other.right;
    }
}

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Table {
            precision: f64,
            recall: f64,
            f1: f64,
            predicted: u64,
            gold: u64,
            right: u64,
        }
        Table {
            precision: self.precision(),
            recall: self.recall(),
            f1: self.f1(),
            predicted: self.predicted,
            gold: self.gold,
            right: self.right,
        }
        .serialize(serializer)
    }
}

/// The mean of scores between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MeanScore {
    /// Number of scored questions.
    pub asked: u64,
    /// Sum of the scores.
    pub sum: f64,
}

impl MeanScore {
    /// Adds the score of one question.
    pub fn add(&mut self, score: f64) {
        self.asked += 1;
        self.sum += score;
    }

    /// The mean; 0 without questions.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.asked == 0 { 0.0 } else { self.sum / self.asked as f64 }
    }
}

impl AddAssign for MeanScore {
    fn add_assign(&mut self, other: Self) {
        self.asked += other.asked;
        self.sum += other.sum;
    }
}

impl Serialize for MeanScore {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Table {
            mean: f64,
            asked: u64,
        }
        Table { mean: self.mean(), asked: self.asked }.serialize(serializer)
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_predictions_and_no_gold_score_zero_instead_of_nan() {
        let none = Counts::default();
        assert_eq!((none.precision(), none.recall(), none.f1()), (0.0, 0.0, 0.0));
        assert_eq!(MeanScore::default().mean(), 0.0);
    }

    #[test]
    fn f1_is_the_harmonic_mean() {
        let counts = Counts { predicted: 8, gold: 5, right: 4 };
        let (precision, recall) = (counts.precision(), counts.recall());
        assert!((counts.f1() - 2.0 * precision * recall / (precision + recall)).abs() < 1e-12);
    }
}
