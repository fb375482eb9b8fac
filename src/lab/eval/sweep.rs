//! Sweep over overlaps: the scores with regions at IoUs from 0.5 to 0.9, as in Fig. 9 of the paper.

use std::fmt;

use serde::Serialize;

use crate::lab::dataset::{GoldPost, PredictedMention};

use super::rules::Rules;
use super::scores::{Score, Scores};

/// Hundredths of the IoUs: nine rows, of which every second one is in the figure.
const HUNDREDTHS: [u8; 9] = [50, 55, 60, 65, 70, 75, 80, 85, 90];

/// The scores that depend on the overlap.
const SCORES: [Score; 4] = [Score::Gmner, Score::Eeg, Score::Smner, Score::Ees];

/// The F1 of each score at each IoU.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Sweep(Vec<Row>);

/// One IoU.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// The least overlap.
    pub iou: f64,
    /// F1; none where a score has no boxes or masks.
    pub gmner: Option<f64>,
    /// F1.
    pub eeg: Option<f64>,
    /// F1.
    pub smner: Option<f64>,
    /// F1.
    pub ees: Option<f64>,
}

impl Sweep {
    /// Counts all posts at each IoU.
    #[must_use]
    pub fn count(posts: &[(&GoldPost, &[PredictedMention])], rules: Rules) -> Self {
        let row = |hundredths: u8| {
            let iou = f64::from(hundredths) / 100.0;
            let scores = Scores::count(posts.iter().copied(), rules.at(iou));
            let [gmner, eeg, smner, ees] = SCORES.map(|score| scores.get(score).map(|counts| counts.f1()));
            Row { iou, gmner, eeg, smner, ees }
        };
        Self(HUNDREDTHS.map(row).to_vec())
    }

    /// The rows, from the smallest IoU on.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.0
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "F1 at IoU     GMNER      EEG    SMNER      EES")?;
        for row in &self.0 {
            write!(formatter, "{:<9.2}", row.iou)?;
            for f1 in [row.gmner, row.eeg, row.smner, row.ees] {
                match f1 {
                    Some(f1) => write!(formatter, "  {f1:>7.4}")?,
                    None => write!(formatter, "  {:>7}", "-")?,
                }
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BBox, EntityType};
    use crate::lab::dataset::{GoldMention, GoldRegion, PredictedRegion};

    #[test]
    fn a_box_counts_up_to_its_overlap() {
        let bbox = |x1: f32| BBox { x0: 0.0, y0: 0.0, x1, y1: 10.0 };
        let entity_type = EntityType::new("PER");
        let region = GoldRegion { media_key: "m".into(), bbox: bbox(100.0), mask: None };
        let mention = GoldMention {
            text: "Ann".into(),
            entity_type: entity_type.clone(),
            span: None,
            regions: vec![region],
        };
        let post = GoldPost { id: "p".into(), text: String::new(), mentions: vec![mention], grounded: true };
        let found =
            PredictedRegion { media_key: "m".into(), bbox: Some(bbox(70.0)), mask: None, mask_score: None };
        let predicted = [PredictedMention {
            text: "Ann".into(),
            entity_type,
            span: None,
            gate: None,
            regions: vec![found],
        }];
        let posts = [(&post, predicted.as_slice())];
        let f1 = |rules| -> Vec<f64> {
            Sweep::count(&posts, rules).rows().iter().filter_map(|row| row.gmner).collect()
        };
        assert_eq!(
            f1(Rules::RIVEG),
            [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
            "an IoU of 0.7 counts at 0.7"
        );
        assert_eq!(f1(Rules::PAPER), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], "but is not above it");
    }
}
