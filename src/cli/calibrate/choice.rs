//! Choice of thresholds: of the gate on all pairs, then of the grounder on the boxes that the gate lets pass.

use std::fmt;

use crate::lab::calibrate::error::{BINS, expected_calibration_error};
use crate::lab::calibrate::{Curve, Cut, Goal, Scored};

use super::observe::{Observations, Pair};

/// The thresholds of both stages.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) gate: Chosen,
    /// None if the grounder's threshold stays as it is.
    pub(super) boxes: Option<Chosen>,
}

/// The threshold of one stage.
#[derive(Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) curve: Curve,
    pub(super) before: Cut,
    pub(super) after: Cut,
    /// Expected calibration error of the scores.
    error: f64,
    /// Why the threshold stays as it is, if it does.
    note: Option<&'static str>,
}

/// Why there is no threshold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum NoChoice {
    /// A threshold lies between answers that are right and answers that are wrong.
    #[error(
        "the gate cannot be calibrated on these posts: of their {pairs} pairs of a labelled entity and a picture, {shown} \
         are shown, and at least one pair that is shown and one that is not are needed. Label more posts; in `gold.jsonl`, \
         an entity with `boxes` is shown and one without is not"
    )]
    OneKind {
        /// All pairs.
        pairs: usize,
        /// Those that are shown.
        shown: usize,
    },
    /// The precision is out of reach.
    #[error(
        "no threshold of the {stage} has a precision of {asked} on these posts: the highest is {:.4}, at {}, with a recall \
         of {:.4}. Ask for less, or leave out --precision to choose by F1{}",
        best.counts.precision(),
        best.threshold,
        best.counts.recall(),
        if *stage == GROUNDER { "; --gate-only leaves the grounder as it is" } else { "" }
    )]
    Unreachable {
        /// Gate or grounder.
        stage: &'static str,
        /// What was asked for.
        asked: f64,
        /// What comes nearest.
        best: Cut,
    },
}

const GATE: &str = "gate";
const GROUNDER: &str = "grounder";

impl Choice {
    /// Chooses by what was observed with these thresholds of gate and grounder in use.
    pub(super) fn of(
        observed: &Observations,
        [gate, boxes]: [f32; 2],
        goal: Goal,
        with_boxes: bool,
    ) -> Result<Self, NoChoice> {
        let pairs = &observed.pairs;
        let shown = pairs.iter().filter(|pair| pair.shown).count();
        let scored = pairs.iter().map(|pair| Scored { score: pair.probability, right: pair.shown });
        let curve = Curve::new(scored.collect(), shown as u64);
        if !curve.has_both() {
            return Err(NoChoice::OneKind { pairs: pairs.len(), shown });
        }
        let after = best(&curve, goal, GATE)?.unwrap_or_else(|| curve.at(gate));
        let gate = Chosen::new(curve.at(gate), after, curve, None);
        let boxes = with_boxes.then(|| Self::boxes(pairs, shown as u64, &gate, boxes, goal));
        Ok(Self { boxes: boxes.transpose()?, gate })
    }

    fn boxes(pairs: &[Pair], shown: u64, gate: &Chosen, in_use: f32, goal: Goal) -> Result<Chosen, NoChoice> {
        let passing = |gate: f32| {
            let passing = pairs.iter().filter(|pair| pair.probability >= gate);
            let boxes = passing.filter_map(|pair| pair.located);
            Curve::new(boxes.map(|(score, right)| Scored { score, right }).collect(), shown)
        };
        let before = passing(gate.before.threshold).at(in_use);
        let curve = passing(gate.after.threshold);
        let kept = curve.at(in_use);
        if !curve.has_both() {
            let rights = curve.scored().iter().any(|one| one.right);
            let note = if rights { "every box is right" } else { "no box is right" };
            return Ok(Chosen::new(before, kept, curve, Some(note)));
        }
        let after = best(&curve, goal, GROUNDER)?.unwrap_or(kept);
        // Where every box is worth keeping, none is tested.
        let all = curve.at(0.0);
        let after = if after.counts == all.counts { all } else { after };
        Ok(Chosen::new(before, after, curve, None))
    }
}

impl Chosen {
    fn new(before: Cut, after: Cut, curve: Curve, note: Option<&'static str>) -> Self {
        let error = expected_calibration_error(curve.scored());
        Self { curve, before, after, error, note }
    }
}

fn best(curve: &Curve, goal: Goal, stage: &'static str) -> Result<Option<Cut>, NoChoice> {
    curve.best(goal).map_err(|unreachable| NoChoice::Unreachable {
        stage,
        asked: unreachable.asked,
        best: unreachable.best,
    })
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:<34}{:>9}{:>11}{:>8}{:>8}{:>10}",
            "", "threshold", "precision", "recall", "F1", "accepted"
        )?;
        let stages = [
            ("gate: is it shown?", Some(&self.gate)),
            ("grounder: boxes the gate lets pass", self.boxes.as_ref()),
        ];
        for (title, Chosen { before, after, error, note, curve }) in
            stages.into_iter().filter_map(|(title, chosen)| Some((title, chosen?)))
        {
            writeln!(formatter, "{title}")?;
            for (name, Cut { threshold, counts }) in [("before", before), ("chosen", after)] {
                let (precision, recall, f1) = (counts.precision(), counts.recall(), counts.f1());
                let accepted = counts.predicted;
                writeln!(
                    formatter,
                    "  {name:<32}{threshold:>9}{precision:>11.4}{recall:>8.4}{f1:>8.4}{accepted:>10}"
                )?;
            }
            let answers = curve.scored().len();
            writeln!(
                formatter,
                "  expected calibration error {error:.4} of {answers} answers, {BINS} bins of equal width"
            )?;
            if let Some(note) = note {
                writeln!(formatter, "  the threshold stays as it is: {note}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(pairs: &[(f32, bool, f32, bool)]) -> Observations {
        let pairs = pairs.iter().map(|&(probability, shown, score, right)| Pair {
            probability,
            shown,
            located: Some((score, right)),
        });
        Observations { posts: 1, missing: 0, pairs: pairs.collect() }
    }

    /// A gate that is too strict, and a grounder whose wrong boxes have low scores.
    fn posts() -> Observations {
        observed(&[
            (0.9, true, 0.8, true),
            (0.4, true, 0.7, true),
            (0.35, true, 0.2, false),
            (0.3, false, 0.1, false),
            (0.1, false, 0.9, false),
            (0.05, false, 0.9, false),
        ])
    }

    #[test]
    fn the_gate_is_set_first_and_the_grounder_on_what_passes() {
        let choice = Choice::of(&posts(), [0.5, 0.0], Goal::F1, true).unwrap();
        let gate = &choice.gate;
        assert!(gate.after.threshold > 0.3 && gate.after.threshold <= 0.35, "{gate:?}");
        assert_eq!(
            (gate.before.counts.right, gate.after.counts.right, gate.after.counts.predicted),
            (1, 3, 3)
        );
        let boxes = choice.boxes.as_ref().unwrap();
        assert!(boxes.after.threshold > 0.2 && boxes.after.threshold <= 0.7, "{boxes:?}");
        assert_eq!(
            (boxes.before.counts.right, boxes.after.counts.right, boxes.after.counts.predicted),
            (1, 2, 2)
        );
        // All that are shown count, and not only those that pass.
        assert_eq!((boxes.before.counts.gold, boxes.after.counts.gold), (3, 3));
        let text = choice.to_string();
        assert!(text.contains("0.8000") && text.contains("10 bins of equal width"), "{text}");
        assert_eq!(Choice::of(&posts(), [0.5, 0.0], Goal::F1, false).unwrap().boxes, None);
    }

    #[test]
    fn a_grounder_whose_boxes_are_all_worth_keeping_or_all_alike_is_not_tested() {
        let worth = observed(&[
            (0.9, true, 0.3, true),
            (0.8, true, 0.5, false),
            (0.7, true, 0.2, true),
            (0.1, false, 0.1, false),
        ]);
        let boxes = Choice::of(&worth, [0.5, 0.4], Goal::F1, true).unwrap().boxes.unwrap();
        assert_eq!((boxes.before.threshold, boxes.after.threshold), (0.4, 0.0));
        let right = observed(&[(0.9, true, 0.3, true), (0.1, false, 0.1, false)]);
        let boxes = Choice::of(&right, [0.5, 0.2], Goal::F1, true).unwrap().boxes.unwrap();
        assert_eq!((boxes.after.threshold, boxes.note), (0.2, Some("every box is right")));
    }

    #[test]
    fn what_cannot_be_chosen_is_said_with_what_could_be() {
        let alike = observed(&[(0.9, true, 0.3, true), (0.8, true, 0.3, true)]);
        let error = Choice::of(&alike, [0.5, 0.0], Goal::F1, true).unwrap_err();
        assert_eq!(error, NoChoice::OneKind { pairs: 2, shown: 2 });
        assert!(Choice::of(&Observations::default(), [0.5, 0.0], Goal::F1, true).is_err());
        let wrong = observed(&[(0.9, false, 0.3, false), (0.8, true, 0.3, true)]);
        let error = Choice::of(&wrong, [0.5, 0.0], Goal::Precision(0.9), true).unwrap_err().to_string();
        assert!(error.contains("no threshold of the gate has a precision of 0.9"), "{error}");
        assert!(error.contains("the highest is 0.5000") && !error.contains("--gate-only"), "{error}");
        let boxes = observed(&[(0.9, true, 0.9, false), (0.8, true, 0.3, true), (0.1, false, 0.3, false)]);
        let error = Choice::of(&boxes, [0.5, 0.0], Goal::Precision(0.9), true).unwrap_err().to_string();
        assert!(error.contains("of the grounder") && error.contains("--gate-only"), "{error}");
    }
}
