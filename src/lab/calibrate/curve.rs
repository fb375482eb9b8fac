//! Curve of thresholds: what each threshold would accept of answers whose truth is known, and which one is best.

use std::str::FromStr;

use crate::lab::eval::Counts;

/// An answer that is accepted from a threshold on, and whether it is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Its score, 0 to 1.
    pub score: f32,
    /// Whether accepting it is right.
    pub right: bool,
}

/// A threshold and what it accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Answers with at least this score are accepted.
    pub threshold: f32,
    /// What is accepted, what should be, and what is accepted rightly.
    pub counts: Counts,
}

/// What a threshold is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Goal {
    /// The highest F1.
    #[default]
    F1,
    /// The highest recall of those thresholds whose precision is at least this.
    Precision(f64),
}

/// No threshold has the precision that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unreachable {
    /// The precision that was asked for.
    pub asked: f64,
    /// The threshold with the highest precision.
    pub best: Cut,
}

/// All thresholds that differ in what they accept, from the highest to the lowest.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// From the highest score to the lowest.
    scored: Vec<Scored>,
    gold: u64,
}

impl Curve {
    /// The curve of these answers; `gold` answers should be accepted, of which some may have no score.
    #[must_use]
    pub fn new(mut scored: Vec<Scored>, gold: u64) -> Self {
        scored.sort_by(|one, other| other.score.total_cmp(&one.score));
        Self { scored, gold }
    }

    /// The answers, from the highest score to the lowest.
    #[must_use]
    pub fn scored(&self) -> &[Scored] {
        &self.scored
    }

    /// Whether there are answers that are right and answers that are wrong.
    #[must_use]
    pub fn has_both(&self) -> bool {
        self.scored.iter().any(|one| one.right) && self.scored.iter().any(|one| !one.right)
    }

    /// What a threshold accepts.
    #[must_use]
    pub fn at(&self, threshold: f32) -> Cut {
        let accepted = self.scored.iter().take_while(|one| one.score >= threshold);
        let mut counts = Counts { gold: self.gold, ..Counts::default() };
        accepted.for_each(|one| count(&mut counts, *one));
        Cut { threshold, counts }
    }

    /// One cut below each score that occurs. Its threshold is between that score and the next lower one, as far from both
    /// as a short number can be, so that it does not hang on the last digits of either.
    pub fn cuts(&self) -> impl Iterator<Item = Cut> + '_ {
        let mut counts = Counts { gold: self.gold, ..Counts::default() };
        let mut seen = 0;
        self.scored.chunk_by(|one, other| one.score.total_cmp(&other.score).is_eq()).map(move |same| {
            same.iter().for_each(|one| count(&mut counts, *one));
            seen += same.len();
            let below = self.scored.get(seen).map_or(0.0, |one| one.score);
            Cut { threshold: between(below, same[0].score), counts }
        })
    }

    /// The best cut; of equally good ones the highest, which accepts least. None if there are no answers.
    ///
    /// # Errors
    /// No cut reaches the precision.
    pub fn best(&self, goal: Goal) -> Result<Option<Cut>, Unreachable> {
        match goal {
            Goal::F1 => Ok(highest(self.cuts(), |counts| counts.f1())),
            Goal::Precision(asked) => {
                let reached = self.cuts().filter(|cut| cut.counts.precision() >= asked);
                match (
                    highest(reached, |counts| counts.recall()),
                    highest(self.cuts(), |counts| counts.precision()),
                ) {
                    (None, Some(best)) => Err(Unreachable { asked, best }),
                    (reached, _) => Ok(reached),
                }
            }
        }
    }
}

fn count(counts: &mut Counts, one: Scored) {
    counts.predicted += 1;
    counts.right += u64::from(one.right);
}

/// The first of the cuts with the highest value.
fn highest(cuts: impl Iterator<Item = Cut>, value: impl Fn(&Counts) -> f64) -> Option<Cut> {
    cuts.fold(None, |best: Option<Cut>, cut| match best {
        Some(best) if value(&best.counts) >= value(&cut.counts) => Some(best),
        _ => Some(cut),
    })
}

/// A number above `below` and not above `accepted`: their middle, with as few decimals as keep it there.
fn between(below: f32, accepted: f32) -> f32 {
    let middle = f64::midpoint(below.into(), accepted.into());
    let rounded = (1..=7).map(|decimals| {
        let scale = 10_f64.powi(decimals);
        ((middle * scale).round() / scale) as f32
    });
    rounded.into_iter().find(|&number| below < number && number <= accepted).unwrap_or(accepted)
}

impl FromStr for Goal {
    type Err = String;

    /// A precision above 0 and up to 1.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let precision = text.parse::<f64>().ok().filter(|precision| *precision > 0.0 && *precision <= 1.0);
        precision.map(Self::Precision).ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(scored: &[(f32, bool)]) -> Curve {
        let gold = scored.iter().filter(|(_, right)| *right).count() as u64;
        Curve::new(scored.iter().map(|&(score, right)| Scored { score, right }).collect(), gold)
    }

    #[test]
    fn the_threshold_separates_what_can_be_separated_and_lies_between() {
        let best =
            curve(&[(0.9, true), (0.2, false), (0.7, true), (0.3, false)]).best(Goal::F1).unwrap().unwrap();
        assert_eq!((best.threshold, best.counts.f1()), (0.5, 1.0));
        let close = curve(&[(0.500_002, true), (0.500_001, false)]).best(Goal::F1).unwrap().unwrap();
        assert!(close.threshold > 0.500_001 && close.threshold <= 0.500_002, "{}", close.threshold);
        assert_eq!(close.counts.f1(), 1.0);
    }

    #[test]
    fn of_equally_good_thresholds_the_highest_is_chosen_and_equal_scores_are_never_divided() {
        // F1 is 2/3 with one or with four accepted.
        let tied = curve(&[(0.8, true), (0.6, false), (0.4, false), (0.2, true)]);
        let best = tied.best(Goal::F1).unwrap().unwrap();
        assert_eq!((best.counts.predicted, best.threshold), (1, 0.7));
        let same = curve(&[(0.5, true), (0.5, false), (0.5, true)]);
        let cuts: Vec<Cut> = same.cuts().collect();
        assert_eq!((cuts.len(), cuts[0].counts.predicted), (1, 3));
    }

    #[test]
    fn a_precision_is_kept_at_the_highest_recall_or_the_best_one_is_named() {
        let scored = curve(&[(0.9, false), (0.8, true), (0.7, true), (0.6, true), (0.5, false), (0.4, true)]);
        let best = scored.best(Goal::Precision(0.65)).unwrap().unwrap();
        assert_eq!((best.counts.right, best.counts.predicted), (4, 6));
        let best = scored.best(Goal::Precision(0.7)).unwrap().unwrap();
        assert_eq!((best.counts.right, best.counts.predicted), (3, 4));
        let unreachable = scored.best(Goal::Precision(0.8)).unwrap_err();
        assert_eq!((unreachable.asked, unreachable.best.counts.right), (0.8, 3));
        assert_eq!(Curve::new(Vec::new(), 3).best(Goal::Precision(0.5)), Ok(None));
        for wrong in ["0", "1.1", "-1", "much", "NaN"] {
            assert!(wrong.parse::<Goal>().is_err(), "{wrong}");
        }
    }

    fn answers() -> impl Strategy<Value = Vec<(f32, bool)>> {
        // Few different scores, so that many are equal.
        prop::collection::vec(((0_u16..=40).prop_map(|n| f32::from(n) / 40.0), any::<bool>()), 1..60)
    }

    proptest! {
        #[test]
        fn no_threshold_at_all_is_better_than_the_chosen_one(scored in answers(), missed in 0_u64..5, asked in 0.05_f64..1.0) {
            let rights = scored.iter().filter(|(_, right)| *right).count() as u64;
            let scored: Vec<Scored> = scored.into_iter().map(|(score, right)| Scored { score, right }).collect();
            let curve = Curve::new(scored, rights + missed);
            let all = || (0..=4000_u16).map(|n| curve.at(f32::from(n) / 4000.0));
            let best = curve.best(Goal::F1).unwrap().unwrap();
            prop_assert!(all().all(|cut| cut.counts.f1() <= best.counts.f1()));
            // What the cut says is what its threshold does.
            prop_assert_eq!(curve.at(best.threshold), best);
            let precise = |cut: &Cut| cut.counts.predicted > 0 && cut.counts.precision() >= asked;
            match curve.best(Goal::Precision(asked)) {
                Ok(Some(best)) => {
                    prop_assert!(precise(&best));
                    prop_assert!(all().filter(precise).all(|cut| cut.counts.right <= best.counts.right));
                    prop_assert_eq!(curve.at(best.threshold), best);
                }
                Ok(None) => prop_assert!(false, "there are answers"),
                Err(unreachable) => {
                    prop_assert!(!all().any(|cut| precise(&cut)));
                    let most = unreachable.best.counts.precision();
                    prop_assert!(all().all(|cut| cut.counts.precision() <= most));
                }
            }
        }
    }
}
