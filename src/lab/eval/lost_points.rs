//! Lost points: how much of F1 each part of the engine and each kind of error loses.
//!
//! F1 is 1 - lost / (predicted + gold), where every wrong prediction and every missed gold mention loses one. A pair that
//! belongs together but disagrees loses two. So the shares of all faults add up to what F1 lacks.

use std::fmt;

use serde::Serialize;

use crate::lab::dataset::{GoldPost, PredictedMention};

use super::faults::{Fault, Part, judge};
use super::rules::Rules;
use super::scores::Scores;

/// What each kind of error loses of the F1 of one score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LostPoints {
    /// The name of the score.
    score: &'static str,
    f1: f64,
    /// The part that loses most; none if nothing is lost.
    loses_most: Option<Part>,
    parts: Vec<LostByPart>,
    faults: Vec<LostByFault>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct LostByPart {
    part: Part,
    f1: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct LostByFault {
    fault: Fault,
    count: u64,
    /// Lost F1.
    f1: f64,
}

impl LostPoints {
    /// Counts all posts by the strictest score that they have.
    #[must_use]
    pub fn count<'posts>(
        posts: impl IntoIterator<Item = (&'posts GoldPost, &'posts [PredictedMention])>,
        rules: Rules,
        total: &Scores,
    ) -> Self {
        let score = total.strictest();
        let counts = total.get(score).unwrap_or_default();
        let mut faults = Fault::ALL.map(|fault| (fault, 0_u64, 0_u64));
        for pair in posts.into_iter().flat_map(|(gold, predicted)| judge(gold, predicted, rules, score)) {
            for (_, count, lost) in faults.iter_mut().filter(|(fault, ..)| pair.fault == Some(*fault)) {
                *count += 1;
                *lost += pair.lost();
            }
        }
        let all = counts.predicted + counts.gold;
        let share = |lost: u64| if all == 0 { 0.0 } else { lost as f64 / all as f64 };
        let parts = Part::ALL.map(|part| {
            let lost = faults.iter().filter(|(fault, ..)| fault.part() == part).map(|(.., lost)| lost).sum();
            LostByPart { part, f1: share(lost) }
        });
        let most = parts.iter().filter(|part| part.f1 > 0.0).max_by(|one, two| one.f1.total_cmp(&two.f1));
        Self {
            score: score.as_str(),
            f1: counts.f1(),
            loses_most: most.map(|most| most.part),
            parts: parts.to_vec(),
            faults: faults.map(|(fault, count, lost)| LostByFault { fault, count, f1: share(lost) }).to_vec(),
        }
    }
}

impl LostPoints {
    /// The name of the score whose points are counted.
    #[must_use]
    pub fn score(&self) -> &'static str {
        self.score
    }

    /// The part that loses most; none if nothing is lost.
    #[must_use]
    pub fn loses_most(&self) -> Option<Part> {
        self.loses_most
    }

    /// The lost F1 of each part.
    pub fn parts(&self) -> impl Iterator<Item = (Part, f64)> {
        self.parts.iter().map(|lost| (lost.part, lost.f1))
    }

    /// Number and lost F1 of each kind of error.
    pub fn faults(&self) -> impl Iterator<Item = (Fault, u64, f64)> {
        self.faults.iter().map(|lost| (lost.fault, lost.count, lost.f1))
    }
}

impl fmt::Display for LostPoints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} F1 is {:.4}; of the {:.4} that it lacks",
            self.score,
            self.f1,
            1.0 - self.f1
        )?;
        for LostByPart { part, f1 } in &self.parts {
            writeln!(formatter, "{:<22}        {f1:>7.4}", part.as_str())?;
            for LostByFault { fault, count, f1 } in
                self.faults.iter().filter(|lost| lost.fault.part() == *part)
            {
                writeln!(formatter, "  {:<20}  {count:>5} {f1:>7.4}", fault.as_str())?;
            }
        }
        match self.loses_most {
            Some(part) => writeln!(formatter, "the {} loses most", part.as_str()),
            None => writeln!(formatter, "nothing is lost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BBox, EntityType};
    use crate::lab::dataset::{GoldMention, GoldRegion, PredictedRegion};

    #[test]
    fn the_part_that_loses_most_is_named() {
        let bbox = |x0: f32| BBox { x0, y0: 0.0, x1: x0 + 10.0, y1: 10.0 };
        let gold = |text: &str, shown: bool| GoldMention {
            text: text.into(),
            entity_type: EntityType::new("PER"),
            span: None,
            regions: shown
                .then(|| GoldRegion { media_key: "m".into(), bbox: bbox(0.0), mask: None })
                .into_iter()
                .collect(),
        };
        let said = |text: &str, at: Option<f32>| PredictedMention {
            text: text.into(),
            entity_type: EntityType::new("PER"),
            span: None,
            gate: None,
            regions: at
                .map(|x0| PredictedRegion {
                    media_key: "m".into(),
                    bbox: Some(bbox(x0)),
                    mask: None,
                    mask_score: None,
                })
                .into_iter()
                .collect(),
        };
        let mentions = vec![gold("Ann", true), gold("Bo", true), gold("Cy", false)];
        let post = GoldPost { id: "p".into(), text: String::new(), mentions, grounded: true };
        let predicted = [said("Ann", None), said("Bo", Some(20.0))];
        let posts = [(&post, predicted.as_slice())];
        let lost = LostPoints::count(posts, Rules::RIVEG, &Scores::count(posts, Rules::RIVEG));
        assert_eq!(lost.loses_most(), Some(Part::Box), "two of five points each: the later part on a tie");
        let by_part: Vec<f64> = lost.parts().map(|(_, f1)| f1).collect();
        assert_eq!(by_part, [0.2, 0.4, 0.4, 0.0]);
        assert!((by_part.iter().sum::<f64>() - (1.0 - lost.f1)).abs() < 1e-12);
        assert!(lost.to_string().contains("the box loses most"), "{lost}");
    }
}
