//! Scores of single stages on gold mentions, which locate an error in its stage.

use std::fmt;
use std::ops::AddAssign;

use serde::Serialize;

use super::MeanScore;
use super::regions::box_iou;
use super::rules::Threshold;
use crate::domain::{BBox, Mask};
use crate::lab::dataset::GoldRegion;

/// The score of each network when the stages before it are correct.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct StageScores {
    /// Share of gold mentions and pictures with a correct answer of the gate (visual entailment accuracy).
    pub entail_accuracy: MeanScore,
    /// Share of groundable gold mentions whose predicted box matches a gold box (`Prec@0.5`).
    pub ground_precision: MeanScore,
    /// Mean IoU of gold masks and masks predicted from gold boxes.
    pub segment_iou: MeanScore,
}

impl StageScores {
    /// Adds an answer of the gate on a mention with these gold regions in the picture.
    pub fn add_entailment(&mut self, depicted: bool, gold: &[GoldRegion]) {
        self.entail_accuracy.add(f64::from(depicted != gold.is_empty()));
    }

    /// Adds a box of the grounder for a mention with these gold regions.
    pub fn add_grounding(&mut self, predicted: &BBox, gold: &[GoldRegion], threshold: Threshold) {
        let hit = gold.iter().any(|region| threshold.accepts(box_iou(predicted, &region.bbox)));
        self.ground_precision.add(f64::from(hit));
    }

    /// Adds a mask of the segmenter for a gold box.
    pub fn add_segmentation(&mut self, predicted: &Mask, gold: &Mask) {
        self.segment_iou.add(f64::from(predicted.iou(gold)));
    }
}

impl AddAssign for StageScores {
    fn add_assign(&mut self, other: Self) {
        self.entail_accuracy += other.entail_accuracy;
        self.ground_precision += other.ground_precision;
        self.segment_iou += other.segment_iou;
    }
}

impl fmt::Display for StageScores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("VE accuracy on gold mentions", self.entail_accuracy),
            ("VG Prec@0.5 on gold groundable mentions", self.ground_precision),
            ("mask mIoU on gold boxes", self.segment_iou),
        ];
        // A joint network answers about whole posts alone, and nobody is asked about one stage.
        for (name, share) in rows.into_iter().filter(|(_, share)| share.asked > 0) {
            writeln!(formatter, "{name:<40}  {:.4}  of {}", share.mean(), share.asked)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(x0: f32) -> GoldRegion {
        let mask = Mask { width: 20, height: 10, runs: vec![0, 100, 100] };
        GoldRegion {
            media_key: "m".into(),
            bbox: BBox { x0, y0: 0.0, x1: x0 + 10.0, y1: 10.0 },
            mask: Some(mask),
        }
    }

    #[test]
    fn the_gate_is_right_both_ways_and_wrong_both_ways() {
        let mut scores = StageScores::default();
        scores.add_entailment(true, &[region(0.0)]);
        scores.add_entailment(false, &[]);
        scores.add_entailment(true, &[]);
        scores.add_entailment(false, &[region(0.0)]);
        assert_eq!(scores.entail_accuracy, MeanScore { asked: 4, sum: 2.0 });
    }

    #[test]
    fn a_box_may_hit_any_gold_box() {
        let mut scores = StageScores::default();
        let gold = [region(0.0), region(40.0)];
        for x0 in [41.0, 20.0] {
            scores.add_grounding(&BBox { x0, y0: 0.0, x1: x0 + 10.0, y1: 10.0 }, &gold, Threshold::default());
        }
        assert_eq!(scores.ground_precision, MeanScore { asked: 2, sum: 1.0 });
    }

    #[test]
    fn a_stage_that_nobody_was_asked_about_has_no_line() {
        let mut scores = StageScores::default();
        scores.add_entailment(true, &[region(0.0)]);
        assert_eq!(scores.to_string(), "VE accuracy on gold mentions              1.0000  of 1\n");
    }

    #[test]
    fn masks_add_their_overlap() {
        let mut scores = StageScores::default();
        let half = Mask { width: 20, height: 10, runs: vec![0, 50, 150] };
        scores.add_segmentation(&half, region(0.0).mask.as_ref().unwrap());
        scores.add_segmentation(&half, &half);
        assert_eq!(scores.segment_iou.mean(), 0.75);
    }
}
