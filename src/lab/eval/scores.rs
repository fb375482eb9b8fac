//! Scores of whole posts: MNER, GMNER, EEG, SMNER and EES.

use std::fmt;

use serde::Serialize;

use super::{Counts, GoldMention, GoldPost, GoldRegion, PredictedMention, PredictedRegion};

/// The rules of matching.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rules {
    /// Minimum overlap of matching regions.
    pub threshold: Threshold,
    /// Key of matching mentions.
    pub key: MatchKey,
}

/// The overlap at which two regions match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// IoU of at least this, as the published evaluators compute it.
    AtLeast(f32),
    /// IoU above this, as the papers define it.
    Above(f32),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::AtLeast(0.5)
    }
}

impl Threshold {
    /// Whether an overlap is sufficient.
    #[must_use]
    pub fn accepts(self, iou: f32) -> bool {
        match self {
            Self::AtLeast(limit) => iou >= limit,
            Self::Above(limit) => iou > limit,
        }
    }
}

/// The key by which predicted and gold mentions of a post match. The type must match too, except for EEG and EES.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MatchKey {
    /// The entity's text, as in the evaluator of RiVEG.
    #[default]
    Text,
    /// The entity's span, as in the evaluator of H-Index.
    Span,
}

/// The five scores, counted over posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Scores {
    /// Multimodal named entity recognition: span and type.
    pub mner: Counts,
    /// Grounded: entity, type and box.
    pub gmner: Counts,
    /// Entity extraction and grounding: entity and box, any type.
    pub eeg: Counts,
    /// Segmented: entity, type and mask. Absent if the gold has boxes without masks.
    pub smner: Option<Counts>,
    /// Entity extraction and segmentation: entity and mask, any type. Absent like `smner`.
    pub ees: Option<Counts>,
}

impl Scores {
    /// Counts all posts, given as pairs of gold and predictions.
    #[must_use]
    pub fn count<'posts>(
        posts: impl IntoIterator<Item = (&'posts GoldPost, &'posts [PredictedMention])>,
        rules: Rules,
    ) -> Self {
        let mut scores = Self::default();
        let (mut smner, mut ees, mut masks_everywhere) = (Counts::default(), Counts::default(), true);
        for (gold, predicted) in posts {
            let gold = gold.mentions.as_slice();
            let place = Matcher { key: MatchKey::Span, typed: true, region: &|_, _| true };
            scores.mner += place.count(gold, predicted);

            let by_box = |predicted: &[PredictedRegion], gold: &[GoldRegion]| {
                same_region(predicted, gold, |p, g| rules.threshold.accepts(p.bbox.iou(&g.bbox)))
            };
            let by_mask = |predicted: &[PredictedRegion], gold: &[GoldRegion]| {
                same_region(predicted, gold, |p, g| {
                    g.mask.as_ref().is_some_and(|mask| rules.threshold.accepts(p.mask.iou(mask)))
                })
            };
            let judge = |typed, region: &RegionTest<'_>| {
                Matcher { key: rules.key, typed, region }.count(gold, predicted)
            };
            scores.gmner += judge(true, &by_box);
            scores.eeg += judge(false, &by_box);
            smner += judge(true, &by_mask);
            ees += judge(false, &by_mask);
            masks_everywhere &=
                gold.iter().flat_map(|mention| &mention.regions).all(|region| region.mask.is_some());
        }
        if masks_everywhere {
            (scores.smner, scores.ees) = (Some(smner), Some(ees));
        }
        scores
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "score   precision   recall       F1    predicted     gold    right")?;
        let rows = [
            ("MNER", Some(self.mner)),
            ("GMNER", Some(self.gmner)),
            ("EEG", Some(self.eeg)),
            ("SMNER", self.smner),
            ("EES", self.ees),
        ];
        for (name, counts) in rows {
            let Some(counts) = counts else {
                writeln!(formatter, "{name:<6}  not scored: the gold has boxes without masks")?;
                continue;
            };
            writeln!(
                formatter,
                "{name:<6}  {:>9.4}  {:>7.4}  {:>7.4}  {:>11}  {:>7}  {:>7}",
                counts.precision(),
                counts.recall(),
                counts.f1(),
                counts.predicted,
                counts.gold,
                counts.right,
            )?;
        }
        Ok(())
    }
}

/// Whether predicted and gold regions are the same answer.
type RegionTest<'test> = dyn Fn(&[PredictedRegion], &[GoldRegion]) -> bool + 'test;

/// The conditions under which a prediction matches a gold mention.
struct Matcher<'test> {
    key: MatchKey,
    typed: bool,
    region: &'test RegionTest<'test>,
}

impl Matcher<'_> {
    /// Each prediction matches the first unmatched gold mention that agrees with it.
    fn count(&self, gold: &[GoldMention], predicted: &[PredictedMention]) -> Counts {
        let mut open: Vec<&GoldMention> = gold.iter().collect();
        let mut right = 0;
        for prediction in predicted {
            if let Some(index) = open.iter().position(|mention| self.agrees(mention, prediction)) {
                open.remove(index);
                right += 1;
            }
        }
        Counts { predicted: predicted.len() as u64, gold: gold.len() as u64, right }
    }

    fn agrees(&self, gold: &GoldMention, predicted: &PredictedMention) -> bool {
        let same_key = match self.key {
            MatchKey::Text => gold.text == predicted.text,
            MatchKey::Span => gold.span == predicted.span,
        };
        same_key
            && (!self.typed || gold.entity_type == predicted.entity_type)
            && (self.region)(&predicted.regions, &gold.regions)
    }
}

/// Both have no region, or one predicted region matches a gold region.
fn same_region(
    predicted: &[PredictedRegion],
    gold: &[GoldRegion],
    overlaps: impl Fn(&PredictedRegion, &GoldRegion) -> bool,
) -> bool {
    if predicted.is_empty() || gold.is_empty() {
        return predicted.is_empty() && gold.is_empty();
    }
    predicted.iter().any(|p| gold.iter().any(|g| p.media_key == g.media_key && overlaps(p, g)))
}

#[cfg(test)]
mod tests {
    use crate::domain::{BBox, EntityType, Mask};

    use super::*;

    /// Its name, the gold, the predictions, and the numbers of correct ones: MNER, GMNER, EEG.
    type Case = (&'static str, Vec<GoldMention>, Vec<PredictedMention>, [u64; 3]);

    /// A box of height 10 between two columns, and the mask that fills it, in a picture of 40 by 10.
    fn place(x0: u32, x1: u32) -> (BBox, Mask) {
        let bbox = BBox { x0: x0 as f32, y0: 0.0, x1: x1 as f32, y1: 10.0 };
        (bbox, Mask { width: 40, height: 10, runs: vec![10 * x0, 10 * (x1 - x0), 10 * (40 - x1)] })
    }

    fn gold(text: &str, entity_type: &str, start: usize, places: &[(u32, u32)]) -> GoldMention {
        let region = |&(x0, x1): &(u32, u32)| {
            let (bbox, mask) = place(x0, x1);
            GoldRegion { media_key: "m".into(), bbox, mask: Some(mask) }
        };
        GoldMention {
            text: text.into(),
            entity_type: EntityType::new(entity_type),
            span: (start, start + text.chars().count()),
            regions: places.iter().map(region).collect(),
        }
    }

    fn predicted_mention(
        text: &str,
        entity_type: &str,
        start: usize,
        places: &[(u32, u32)],
    ) -> PredictedMention {
        let region = |&(x0, x1): &(u32, u32)| {
            let (bbox, mask) = place(x0, x1);
            PredictedRegion { media_key: "m".into(), bbox, mask }
        };
        let gold = gold(text, entity_type, start, &[]);
        PredictedMention {
            text: gold.text,
            entity_type: gold.entity_type,
            span: gold.span,
            regions: places.iter().map(region).collect(),
        }
    }

    fn score(gold: Vec<GoldMention>, predicted_mention: &[PredictedMention], rules: Rules) -> Scores {
        let post = GoldPost { id: "p".into(), text: String::new(), mentions: gold };
        Scores::count([(&post, predicted_mention)], rules)
    }

    #[test]
    fn every_case_counts_as_the_published_evaluator_counts_it() {
        let cases: Vec<Case> = vec![
            (
                "both ungroundable",
                vec![gold("Ann", "PER", 0, &[])],
                vec![predicted_mention("Ann", "PER", 0, &[])],
                [1, 1, 1],
            ),
            (
                "grounded, but shown nowhere",
                vec![gold("Ann", "PER", 0, &[])],
                vec![predicted_mention("Ann", "PER", 0, &[(0, 9)])],
                [1, 0, 0],
            ),
            (
                "shown, but not grounded",
                vec![gold("Ann", "PER", 0, &[(0, 9)])],
                vec![predicted_mention("Ann", "PER", 0, &[])],
                [1, 0, 0],
            ),
            (
                "grounded rightly",
                vec![gold("Ann", "PER", 0, &[(0, 9)])],
                vec![predicted_mention("Ann", "PER", 0, &[(1, 9)])],
                [1, 1, 1],
            ),
            (
                "grounded elsewhere",
                vec![gold("Ann", "PER", 0, &[(0, 9)])],
                vec![predicted_mention("Ann", "PER", 0, &[(20, 29)])],
                [1, 0, 0],
            ),
            (
                "any gold box will do",
                vec![gold("Ann", "PER", 0, &[(0, 9), (20, 29)])],
                vec![predicted_mention("Ann", "PER", 0, &[(20, 29)])],
                [1, 1, 1],
            ),
            (
                "another type",
                vec![gold("Ann", "PER", 0, &[(0, 9)])],
                vec![predicted_mention("Ann", "LOC", 0, &[(0, 9)])],
                [0, 0, 1],
            ),
            (
                "another text",
                vec![gold("Ann", "PER", 0, &[])],
                vec![predicted_mention("Anna", "PER", 0, &[])],
                [0, 0, 0],
            ),
            (
                "predicted twice, gold once: one is correct",
                vec![gold("Ann", "PER", 0, &[(0, 9)])],
                vec![
                    predicted_mention("Ann", "PER", 0, &[(0, 9)]),
                    predicted_mention("Ann", "PER", 0, &[(0, 9)]),
                ],
                [1, 1, 1],
            ),
            (
                "gold twice, predicted twice in the other order: each matches the one with which it agrees",
                vec![gold("Ann", "PER", 0, &[(0, 9)]), gold("Ann", "PER", 8, &[])],
                vec![predicted_mention("Ann", "PER", 0, &[]), predicted_mention("Ann", "PER", 8, &[(0, 9)])],
                [2, 2, 2],
            ),
            (
                "a wrong answer leaves the gold to a later right one",
                vec![gold("Ann", "PER", 0, &[(0, 9)])],
                vec![
                    predicted_mention("Ann", "PER", 0, &[(20, 29)]),
                    predicted_mention("Ann", "PER", 0, &[(0, 9)]),
                ],
                [1, 1, 1],
            ),
            ("no prediction", vec![gold("Ann", "PER", 0, &[])], vec![], [0, 0, 0]),
        ];
        for (name, gold, predicted_mention, [mner, gmner, eeg]) in cases {
            let (gold_count, predicted_count) = (gold.len() as u64, predicted_mention.len() as u64);
            let scores = score(gold, &predicted_mention, Rules::default());
            let counts = |right| Counts { predicted: predicted_count, gold: gold_count, right };
            assert_eq!(scores.mner, counts(mner), "{name}: MNER");
            assert_eq!(scores.gmner, counts(gmner), "{name}: GMNER");
            assert_eq!(scores.eeg, counts(eeg), "{name}: EEG");
            assert_eq!(scores.smner, Some(counts(gmner)), "{name}: SMNER, whose masks fill the boxes");
            assert_eq!(scores.ees, Some(counts(eeg)), "{name}: EES");
        }
    }

    #[test]
    fn a_span_key_tells_two_places_of_one_name_apart() {
        let gold = || vec![gold("Ann", "PER", 0, &[(0, 9)]), gold("Ann", "PER", 8, &[])];
        let swapped =
            [predicted_mention("Ann", "PER", 0, &[]), predicted_mention("Ann", "PER", 8, &[(0, 9)])];
        assert_eq!(score(gold(), &swapped, Rules::default()).gmner.right, 2);
        let by_span = Rules { key: MatchKey::Span, ..Rules::default() };
        assert_eq!(score(gold(), &swapped, by_span).gmner.right, 0);
        assert_eq!(score(gold(), &swapped, by_span).mner.right, 2);
    }

    #[test]
    fn an_overlap_of_exactly_half_matches_unless_the_rules_are_strict() {
        let gold = || vec![gold("Ann", "PER", 0, &[(0, 20)])];
        let half = [predicted_mention("Ann", "PER", 0, &[(0, 10)])];
        assert_eq!(score(gold(), &half, Rules::default()).gmner.right, 1);
        assert_eq!(score(gold(), &half, Rules::default()).smner.unwrap().right, 1);
        let strict = Rules { threshold: Threshold::Above(0.5), ..Rules::default() };
        assert_eq!(score(gold(), &half, strict).gmner.right, 0);
        assert_eq!(score(gold(), &half, strict).ees.unwrap().right, 0);
    }

    #[test]
    fn a_right_box_with_a_wrong_mask_is_grounded_but_not_segmented() {
        let mut wrong_pixels = predicted_mention("Ann", "PER", 0, &[(0, 20)]);
        wrong_pixels.regions[0].mask = place(30, 40).1;
        let scores = score(vec![gold("Ann", "PER", 0, &[(0, 20)])], &[wrong_pixels], Rules::default());
        assert_eq!((scores.gmner.right, scores.smner.unwrap().right), (1, 0));
    }

    #[test]
    fn the_same_box_in_another_picture_is_not_the_same_place() {
        let mut elsewhere = predicted_mention("Ann", "PER", 0, &[(0, 9)]);
        elsewhere.regions[0].media_key = "n".into();
        let gold = vec![gold("Ann", "PER", 0, &[(0, 9)])];
        assert_eq!(score(gold, &[elsewhere], Rules::default()).gmner.right, 0);
    }

    #[test]
    fn without_gold_masks_no_mask_is_scored() {
        let mut unmasked = gold("Ann", "PER", 0, &[(0, 9)]);
        unmasked.regions[0].mask = None;
        let scores =
            score(vec![unmasked], &[predicted_mention("Ann", "PER", 0, &[(0, 9)])], Rules::default());
        assert_eq!((scores.gmner.right, scores.smner, scores.ees), (1, None, None));
        assert!(scores.to_string().contains("SMNER   not scored"), "{scores}");
    }
}
