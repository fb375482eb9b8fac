//! Early stopping: which validation was the best, and how many have passed since.

use std::collections::HashMap;

use tch::Tensor;

/// The best score so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Stopping {
    best: Option<(i64, f64)>,
    /// Validations since the best one.
    stale: i64,
}

const BEST_STEP: &str = "stopping/step";
const BEST_SCORE: &str = "stopping/score";
const STALE: &str = "stopping/stale";

impl Stopping {
    /// Notes the score after `step` steps; says whether it is better than all before. Of equal ones the first is kept.
    pub(super) fn judge(&mut self, step: i64, score: f64) -> bool {
        let is_better = self.best.is_none_or(|(_, best)| score > best);
        if is_better {
            *self = Self { best: Some((step, score)), stale: 0 };
        } else {
            self.stale += 1;
        }
        is_better
    }

    /// Whether the last `patience` validations were none of them the best.
    #[must_use]
    pub(super) fn is_over(&self, patience: Option<i64>) -> bool {
        patience.is_some_and(|patience| self.stale >= patience)
    }

    /// The best score, and after how many steps.
    #[must_use]
    pub(super) fn best(&self) -> Option<(i64, f64)> {
        self.best
    }

    /// The state of a checkpoint; empty before the first score.
    #[must_use]
    pub(super) fn state(&self) -> Vec<(String, Tensor)> {
        let Some((step, score)) = self.best else { return Vec::new() };
        vec![
            (BEST_STEP.to_owned(), Tensor::from_slice(&[step])),
            (BEST_SCORE.to_owned(), Tensor::from_slice(&[score])),
            (STALE.to_owned(), Tensor::from_slice(&[self.stale])),
        ]
    }

    /// The state that a checkpoint has.
    #[must_use]
    pub(super) fn of_state(state: &HashMap<String, Tensor>) -> Self {
        let whole = |name: &str| state.get(name).map(|tensor| tensor.int64_value(&[0]));
        let score = state.get(BEST_SCORE).map(|tensor| tensor.double_value(&[0]));
        match (whole(BEST_STEP), score, whole(STALE)) {
            (Some(step), Some(score), Some(stale)) => Self { best: Some((step, score)), stale },
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_is_over_when_as_many_scores_as_its_patience_were_no_better() {
        let mut stopping = Stopping::default();
        let mut seen = Vec::new();
        for (step, score) in [(10, 0.3), (20, 0.5), (30, 0.5), (40, 0.4), (50, 0.6), (60, 0.1)] {
            let is_best = stopping.judge(step, score);
            seen.push((is_best, stopping.is_over(Some(2)), stopping.is_over(None)));
            let state = stopping.state().into_iter().collect();
            assert_eq!(Stopping::of_state(&state), stopping, "a checkpoint holds all of it");
        }
        let expected =
            [(true, false), (true, false), (false, false), (false, true), (true, false), (false, false)];
        assert_eq!(seen, expected.map(|(is_best, is_over)| (is_best, is_over, false)));
        assert_eq!(stopping.best(), Some((50, 0.6)));
        assert_eq!(Stopping::of_state(&HashMap::new()), Stopping::default());
    }
}
