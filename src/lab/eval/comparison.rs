//! Comparison of two runs on the same posts: differences of F1, their intervals, and whether chance explains them.
//!
//! The interval is a paired bootstrap. The probability is that of a randomisation test: in each draw the answers of every post
//! are exchanged between the runs with probability one half, and the draws count in which the difference is at least as
//! large as the observed one.

use std::fmt;

use rand::Rng;
use serde::Serialize;

use super::resampling::{Interval, Resampling};
use super::scores::{Score, Scores};

/// One score of two runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The name of the score.
    pub score: &'static str,
    /// F1 of this run.
    pub f1: f64,
    /// F1 of the other run.
    pub other: f64,
    /// The interval of the difference; none without draws.
    pub interval: Option<Interval>,
    /// The probability of a difference of this size between runs that are equally good; none without draws.
    pub probability: Option<f64>,
}

/// All scores that both runs have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Comparison(Vec<Difference>);

impl Comparison {
    /// Compares the scores of single posts, which stand in the same order.
    #[must_use]
    pub fn of(run: &[Scores], other: &[Scores], resampling: Resampling) -> Self {
        let pairs: Vec<(Scores, Scores)> = run.iter().copied().zip(other.iter().copied()).collect();
        let scores = [Score::Mner, Score::Gmner, Score::Eeg, Score::Smner, Score::Ees];
        Self(scores.into_iter().filter_map(|score| difference(&pairs, score, resampling)).collect())
    }

    /// The differences, one a score.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.0
    }
}

fn difference(pairs: &[(Scores, Scores)], score: Score, resampling: Resampling) -> Option<Difference> {
    let total = |posts: &mut dyn Iterator<Item = Scores>| {
        posts.fold(Scores::ZERO, Scores::plus).get(score).map(|counts| counts.f1())
    };
    let f1 = total(&mut pairs.iter().map(|(one, _)| *one))?;
    let other = total(&mut pairs.iter().map(|(_, two)| *two))?;
    let observed = (f1 - other).abs();
    // Every score draws the same posts.
    let mut generator = resampling.generator();
    let (mut values, mut as_large) = (Vec::new(), 0_u32);
    for _ in 0..resampling.draws {
        let (mut one, mut two) = (Scores::ZERO, Scores::ZERO);
        for _ in 0..pairs.len() {
            let drawn = pairs[generator.random_range(0..pairs.len())];
            (one, two) = (one.plus(drawn.0), two.plus(drawn.1));
        }
        values.push(one.get(score)?.f1() - two.get(score)?.f1());
        let (mut one, mut two) = (Scores::ZERO, Scores::ZERO);
        for &(this, that) in pairs {
            let (this, that) = if generator.random() { (this, that) } else { (that, this) };
            (one, two) = (one.plus(this), two.plus(that));
        }
        // Differences that are equal but for the order of sums count.
        as_large += u32::from((one.get(score)?.f1() - two.get(score)?.f1()).abs() >= observed - 1e-12);
    }
    let draws = resampling.draws;
    let probability = (draws > 0).then(|| f64::from(as_large + 1) / f64::from(draws + 1));
    Some(Difference { score: score.as_str(), f1, other, interval: Interval::of(values), probability })
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "score      this run    other  difference   95 % interval          p")?;
        for Difference { score, f1, other, interval, probability } in &self.0 {
            write!(formatter, "{score:<9}  {f1:>8.4}  {other:>7.4}  {:>+10.4}", f1 - other)?;
            if let (Some(Interval { low, high }), Some(probability)) = (interval, probability) {
                write!(formatter, "   {low:>+7.4} to {high:>+7.4}  {probability:>7.4}")?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Counts;
    use super::*;

    fn run(right: impl Fn(u32) -> bool) -> Vec<Scores> {
        let post = |number| {
            let counts = Counts { predicted: 1, gold: 1, right: u64::from(right(number)) };
            Scores { mner: counts, smner: None, ees: None, ..Scores::ZERO }
        };
        (0..300).map(post).collect()
    }

    #[test]
    fn a_clear_difference_is_not_chance_and_a_small_one_may_be() {
        let resampling = Resampling { draws: 300, seed: 1 };
        let good = run(|number| number % 10 != 0);
        let compare = |other: &[Scores]| Comparison::of(&good, other, resampling).differences()[0];
        let clear = compare(&run(|number| number % 3 != 0));
        assert!(clear.probability.unwrap() < 0.01 && clear.interval.unwrap().low > 0.0, "{clear:?}");
        // One post more and one less.
        let same = compare(&run(|number| number % 10 != 1));
        assert!(same.probability.unwrap() > 0.5 && same.interval.unwrap().low < 0.0, "{same:?}");
        let equal = compare(&good);
        assert_eq!((equal.probability, equal.interval), (Some(1.0), Some(Interval { low: 0.0, high: 0.0 })));
    }

    #[test]
    fn scores_that_one_run_lacks_are_not_compared() {
        let good = run(|_| true);
        let compared = Comparison::of(&good, &good, Resampling { draws: 0, seed: 1 });
        let names: Vec<_> = compared.differences().iter().map(|difference| difference.score).collect();
        assert_eq!(names, ["MNER", "GMNER", "EEG"]);
        assert_eq!(compared.differences()[0].interval, None);
    }
}
