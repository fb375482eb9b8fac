//! Gold boxes in answers that have none: the scores of tagger and gate under a grounder that is always right.

use crate::domain::BBox;
use crate::lab::dataset::{GoldPost, PredictedMention};

/// Where the picture does not show the entity there is no box, and what the answer has is wrong.
const NOWHERE: BBox = BBox { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 };

/// Gives each region without a box the largest gold box of the entities with its name and type in its picture, or a box
/// without area where there is none.
pub fn with_gold_boxes(gold: &GoldPost, mentions: &mut [PredictedMention]) {
    for mention in mentions {
        let same = gold
            .mentions
            .iter()
            .filter(|one| one.text == mention.text && one.entity_type == mention.entity_type);
        let regions: Vec<_> = same.flat_map(|one| &one.regions).collect();
        for region in mention.regions.iter_mut().filter(|region| region.bbox.is_none()) {
            let here = regions.iter().filter(|gold| gold.media_key == region.media_key).map(|gold| gold.bbox);
            let largest = here.max_by(|one, other| one.area().total_cmp(&other.area()));
            region.bbox = Some(largest.unwrap_or(NOWHERE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EntityType;
    use crate::lab::dataset::{GoldMention, GoldRegion, PredictedRegion};

    #[test]
    fn the_largest_box_of_the_name_is_taken_and_boxes_that_are_there_stay() {
        let bbox = |x1: f32| BBox { x0: 0.0, y0: 0.0, x1, y1: 1.0 };
        let gold_region = |key: &str, x1| GoldRegion { media_key: key.into(), bbox: bbox(x1), mask: None };
        let gold = GoldMention {
            text: "Ann".into(),
            entity_type: EntityType::new("PER"),
            span: None,
            regions: vec![gold_region("m", 2.0), gold_region("m", 3.0), gold_region("n", 9.0)],
        };
        let post = GoldPost { id: "7".into(), text: String::new(), mentions: vec![gold], grounded: true };
        let said = |text: &str, entity_type: &str, bbox| PredictedMention {
            text: text.into(),
            entity_type: EntityType::new(entity_type),
            span: None,
            gate: Some(true),
            regions: vec![PredictedRegion { media_key: "m".into(), bbox, mask: None, mask_score: None }],
        };
        let mut mentions = [
            said("Ann", "PER", None),
            said("Ann", "ORG", None),
            said("Bo", "PER", None),
            said("Ann", "PER", Some(bbox(1.0))),
        ];
        with_gold_boxes(&post, &mut mentions);
        let boxes = mentions.map(|mention| mention.regions[0].bbox.unwrap());
        assert_eq!(boxes, [bbox(3.0), NOWHERE, NOWHERE, bbox(1.0)]);
    }
}
