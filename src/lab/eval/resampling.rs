//! Resampling of posts: intervals of scores by the bootstrap, from a seed.
//!
//! Posts are drawn with replacement, because mentions of one post are not independent. The same seed draws the same posts.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::scores::{Score, Scores};

/// How often posts are drawn anew, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// Draws; 0: no intervals.
    pub draws: u32,
    /// The seed.
    pub seed: u64,
}

impl Resampling {
    pub(super) fn generator(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }
}

/// The middle 95 % of the drawn values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// 2.5 % of the values are below.
    pub low: f64,
    /// 2.5 % of the values are above.
    pub high: f64,
}

impl Interval {
    /// The interval of drawn values; none without values.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        // The nearest rank.
        let at = |share: f64| values[(share * last as f64).round() as usize];
        Some(Self { low: at(0.025), high: at(0.975) })
    }
}

/// Intervals of the F1 of each score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Intervals {
    mner: Option<Interval>,
    mner_span: Option<Interval>,
    gmner: Option<Interval>,
    eeg: Option<Interval>,
    smner: Option<Interval>,
    ees: Option<Interval>,
}

impl Intervals {
    /// Draws from the scores of single posts.
    #[must_use]
    pub fn draw(posts: &[Scores], resampling: Resampling) -> Self {
        let mut drawn: [Vec<f64>; Score::ALL.len()] = Default::default();
        let mut generator = resampling.generator();
        for _ in 0..resampling.draws {
            let total = drawn_total(posts, &mut generator);
            for (values, score) in drawn.iter_mut().zip(Score::ALL) {
                values.extend(total.get(score).map(|counts| counts.f1()));
            }
        }
        let [mner, mner_span, gmner, eeg, smner, ees] = drawn.map(Interval::of);
        Self { mner, mner_span, gmner, eeg, smner, ees }
    }

    /// The interval of a score.
    #[must_use]
    pub fn get(&self, score: Score) -> Option<Interval> {
        match score {
            Score::Mner => self.mner,
            Score::MnerSpan => self.mner_span,
            Score::Gmner => self.gmner,
            Score::Eeg => self.eeg,
            Score::Smner => self.smner,
            Score::Ees => self.ees,
        }
    }
}

fn drawn_total(posts: &[Scores], generator: &mut ChaCha8Rng) -> Scores {
    let draw = |_| posts[generator.random_range(0..posts.len())];
    (0..posts.len()).map(draw).fold(Scores::ZERO, Scores::plus)
}

#[cfg(test)]
mod tests {
    use super::super::Counts;
    use super::*;

    /// Posts of one mention each, of which this many are right.
    fn posts(right: u64) -> Vec<Scores> {
        let post = |number| {
            let counts = Counts { predicted: 1, gold: 1, right: u64::from(number < right) };
            Scores { mner: counts, smner: None, ..Scores::ZERO }
        };
        (0..400).map(post).collect()
    }

    #[test]
    fn an_interval_has_the_width_of_a_share_and_the_same_seed_draws_the_same() {
        let resampling = Resampling { draws: 500, seed: 7 };
        let intervals = Intervals::draw(&posts(300), resampling);
        let Interval { low, high } = intervals.get(Score::Mner).unwrap();
        // A share of 0.75 of 400 has a standard error of 0.0217.
        assert!(
            (low - (0.75 - 1.96 * 0.0217)).abs() < 0.01 && (high - (0.75 + 1.96 * 0.0217)).abs() < 0.01,
            "{low} {high}"
        );
        assert_eq!(intervals.get(Score::Smner), None);
        assert_eq!(Intervals::draw(&posts(300), resampling), intervals);
        assert_ne!(Intervals::draw(&posts(300), Resampling { seed: 8, ..resampling }), intervals);
    }

    #[test]
    fn no_posts_and_no_draws_have_no_interval() {
        let none = Intervals::draw(&posts(300), Resampling { draws: 0, seed: 0 });
        assert_eq!(none, Intervals::default());
        let nothing = Intervals::draw(&[], Resampling { draws: 3, seed: 0 });
        assert_eq!(nothing.get(Score::Mner), Some(Interval { low: 0.0, high: 0.0 }));
    }
}
