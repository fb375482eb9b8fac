//! Regions of a mention: whether predicted and gold ones are the same answer.

use crate::domain::BBox;
use crate::lab::dataset::{GoldRegion, PredictedMention, PredictedRegion};

use super::rules::Threshold;

/// What of a region is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The box.
    Box,
    /// The mask.
    Mask,
}

impl Kind {
    /// The overlap of two regions of one picture; none if one of them has no box or no mask.
    pub(super) fn iou(self, predicted: &PredictedRegion, gold: &GoldRegion) -> Option<f64> {
        if predicted.media_key != gold.media_key {
            return None;
        }
        match self {
            Self::Box => Some(box_iou(&predicted.bbox?, &gold.bbox)),
            Self::Mask => Some(f64::from(predicted.mask.as_ref()?.iou(gold.mask.as_ref()?))),
        }
    }

    /// Whether all regions have what is judged.
    pub(super) fn is_known(self, gold: &[GoldRegion], predicted: &[PredictedRegion]) -> bool {
        match self {
            Self::Box => predicted.iter().all(|region| region.bbox.is_some()),
            Self::Mask => {
                gold.iter().all(|region| region.mask.is_some())
                    && predicted.iter().all(|region| region.mask.is_some())
            }
        }
    }

    /// Both have no region, or one predicted region matches any gold region.
    pub(super) fn agree(
        self,
        predicted: &[PredictedRegion],
        gold: &[GoldRegion],
        threshold: Threshold,
    ) -> bool {
        if predicted.is_empty() || gold.is_empty() {
            return predicted.is_empty() && gold.is_empty();
        }
        let overlaps = |p| gold.iter().any(|g| self.iou(p, g).is_some_and(|iou| threshold.accepts(iou)));
        predicted.iter().any(overlaps)
    }

    /// The largest overlap of any two of these regions.
    pub(super) fn best_iou(self, predicted: &[PredictedRegion], gold: &[GoldRegion]) -> f64 {
        let all = predicted.iter().flat_map(|p| gold.iter().filter_map(move |g| self.iou(p, g)));
        all.fold(0.0, f64::max)
    }
}

/// The IoU with the digits that a comparison with exactly one half needs.
pub(super) fn box_iou(one: &BBox, other: &BBox) -> f64 {
    let edges = |bbox: &BBox| [bbox.x0, bbox.y0, bbox.x1, bbox.y1].map(f64::from);
    let area = |[x0, y0, x1, y1]: [f64; 4]| (x1 - x0).max(0.0) * (y1 - y0).max(0.0);
    let (one, other) = (edges(one), edges(other));
    let shared =
        area([one[0].max(other[0]), one[1].max(other[1]), one[2].min(other[2]), one[3].min(other[3])]);
    let union = area(one) + area(other) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

/// Takes back the regions whose mask has a score below `least` or no pixels: the answer is then that the picture does not
/// show the entity.
pub fn without_doubtful_masks(mentions: &mut [PredictedMention], least: f32) {
    let is_trusted = |region: &PredictedRegion| {
        region.mask_score.is_none_or(|score| score >= least)
            && region.mask.as_ref().is_none_or(|mask| mask.area() > 0)
    };
    for mention in mentions {
        let before = mention.regions.len();
        mention.regions.retain(is_trusted);
        if mention.regions.is_empty() && before > 0 {
            mention.gate = Some(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bbox(x0: f32, x1: f32) -> BBox {
        BBox { x0, y0: 0.0, x1, y1: 10.0 }
    }

    #[test]
    fn an_overlap_of_half_is_half_and_of_boxes_without_area_is_none() {
        assert_eq!(box_iou(&bbox(0.0, 20.0), &bbox(0.0, 10.0)), 0.5);
        assert_eq!(box_iou(&bbox(5.0, 5.0), &bbox(5.0, 5.0)), 0.0);
        assert_eq!(box_iou(&bbox(0.0, 1.0), &bbox(2.0, 3.0)), 0.0);
    }

    #[test]
    fn a_nearly_half_overlap_is_not_half() {
        // In 32 bits the quotient would be rounded to 0.5.
        let (wide, most) = (bbox(0.0, 16_777_215.0), bbox(0.0, 8_388_607.0));
        assert!(box_iou(&wide, &most) < 0.5);
        assert!(!Threshold::AtLeast(0.5).accepts(box_iou(&wide, &most)));
    }
}
