//! Scores of whole posts: MNER, GMNER, EEG, SMNER and EES.

use std::fmt;

use serde::Serialize;

use crate::lab::dataset::{GoldPost, PredictedMention};

use super::Counts;
use super::matcher::{Pairs, pairs, same_name};
use super::regions::Kind;
use super::rules::{MatchKey, Rules};

/// The scores, counted over posts. None: gold or predictions lack what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scores {
    /// Multimodal named entity recognition: name and type, by the rules' key.
    pub mner: Counts,
    /// The same by span, as seqeval counts, whatever the rules' key. Absent if there are names alone.
    pub mner_span: Option<Counts>,
    /// Grounded: entity, type and box. Absent without boxes.
    pub gmner: Option<Counts>,
    /// Entity extraction and grounding: entity and box, any type. Absent like `gmner`.
    pub eeg: Option<Counts>,
    /// Segmented: entity, type and mask. Absent if gold or predictions have boxes without masks.
    pub smner: Option<Counts>,
    /// Entity extraction and segmentation: entity and mask, any type. Absent like `smner`.
    pub ees: Option<Counts>,
}

/// A score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// [`Scores::mner`].
    Mner,
    /// [`Scores::mner_span`].
    MnerSpan,
    /// [`Scores::gmner`].
    Gmner,
    /// [`Scores::eeg`].
    Eeg,
    /// [`Scores::smner`].
    Smner,
    /// [`Scores::ees`].
    Ees,
}

impl Score {
    /// All scores in the order in which they are printed.
    pub const ALL: [Self; 6] = [Self::Mner, Self::MnerSpan, Self::Gmner, Self::Eeg, Self::Smner, Self::Ees];

    /// Its name in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mner => "MNER",
            Self::MnerSpan => "MNER by span",
            Self::Gmner => "GMNER",
            Self::Eeg => "EEG",
            Self::Smner => "SMNER",
            Self::Ees => "EES",
        }
    }

    /// Why it may be absent.
    fn lacks(self) -> &'static str {
        match self {
            Self::Mner | Self::MnerSpan => "names without their places in the text",
            Self::Gmner | Self::Eeg => "gold or predictions have no boxes",
            Self::Smner | Self::Ees => "gold or predictions have boxes without masks",
        }
    }

    /// The pairs that this score counts as right; none if gold or predictions lack what is compared.
    pub(super) fn pairs(
        self,
        gold: &GoldPost,
        predicted: &[PredictedMention],
        rules: Rules,
    ) -> Option<Pairs> {
        let (typed, kind) = match self {
            Self::Mner | Self::MnerSpan => (true, None),
            Self::Gmner => (true, Some(Kind::Box)),
            Self::Eeg => (false, Some(Kind::Box)),
            Self::Smner => (true, Some(Kind::Mask)),
            Self::Ees => (false, Some(Kind::Mask)),
        };
        let rules = if self == Self::MnerSpan { Rules { key: MatchKey::Span, ..rules } } else { rules };
        let spans_known = gold.mentions.iter().all(|mention| mention.span.is_some())
            && predicted.iter().all(|mention| mention.span.is_some());
        let regions_known = |kind: Kind| {
            gold.grounded
                && gold.mentions.iter().all(|mention| kind.is_known(&mention.regions, &[]))
                && predicted.iter().all(|mention| kind.is_known(&[], &mention.regions))
        };
        if (self == Self::MnerSpan && !spans_known) || kind.is_some_and(|kind| !regions_known(kind)) {
            return None;
        }
        Some(pairs(rules, &gold.mentions, predicted, |g, p| {
            same_name(rules.key, typed, g, p)
                && kind.is_none_or(|kind| kind.agree(&p.regions, &g.regions, rules.threshold))
        }))
    }
}

impl Scores {
    /// The scores of no posts.
    pub const ZERO: Self = {
        let zero = Counts { predicted: 0, gold: 0, right: 0 };
        let some = Some(zero);
        Self { mner: zero, mner_span: some, gmner: some, eeg: some, smner: some, ees: some }
    };

    /// Counts one post.
    #[must_use]
    pub fn of_post(gold: &GoldPost, predicted: &[PredictedMention], rules: Rules) -> Self {
        let count = |score: Score| {
            let right = score.pairs(gold, predicted, rules)?.iter().flatten().count() as u64;
            Some(Counts { predicted: predicted.len() as u64, gold: gold.mentions.len() as u64, right })
        };
        Self {
            mner: count(Score::Mner).unwrap_or_default(),
            mner_span: count(Score::MnerSpan),
            gmner: count(Score::Gmner),
            eeg: count(Score::Eeg),
            smner: count(Score::Smner),
            ees: count(Score::Ees),
        }
    }

    /// Counts all posts, given as pairs of gold and predictions.
    #[must_use]
    pub fn count<'posts>(
        posts: impl IntoIterator<Item = (&'posts GoldPost, &'posts [PredictedMention])>,
        rules: Rules,
    ) -> Self {
        let each = posts.into_iter().map(|(gold, predicted)| Self::of_post(gold, predicted, rules));
        each.fold(Self::ZERO, Self::plus)
    }

    /// The sum: a score that one post lacks is absent.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Option<Counts>, two: Option<Counts>| Some(one?.plus(two?));
        Self {
            mner: self.mner.plus(other.mner),
            mner_span: sum(self.mner_span, other.mner_span),
            gmner: sum(self.gmner, other.gmner),
            eeg: sum(self.eeg, other.eeg),
            smner: sum(self.smner, other.smner),
            ees: sum(self.ees, other.ees),
        }
    }

    /// One of the scores.
    #[must_use]
    pub fn get(&self, score: Score) -> Option<Counts> {
        match score {
            Score::Mner => Some(self.mner),
            Score::MnerSpan => self.mner_span,
            Score::Gmner => self.gmner,
            Score::Eeg => self.eeg,
            Score::Smner => self.smner,
            Score::Ees => self.ees,
        }
    }

    /// The typed score that asks for most: masks, else boxes, else names.
    #[must_use]
    pub fn strictest(&self) -> Score {
        let typed = [Score::Smner, Score::Gmner];
        typed.into_iter().find(|&score| self.get(score).is_some()).unwrap_or(Score::Mner)
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "score         precision   recall       F1    predicted     gold    right")?;
        for score in Score::ALL {
            let name = score.as_str();
            let Some(counts) = self.get(score) else {
                writeln!(formatter, "{name:<12}  not scored: {}", score.lacks())?;
                continue;
            };
            writeln!(formatter, "{name:<12}  {}", counts.columns())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BBox, EntityType, Mask};
    use crate::lab::dataset::{GoldMention, GoldRegion, PredictedRegion};

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
            span: Some((start, start + text.chars().count())),
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
            PredictedRegion { media_key: "m".into(), bbox: Some(bbox), mask: Some(mask), mask_score: None }
        };
        let gold = gold(text, entity_type, start, &[]);
        PredictedMention {
            text: gold.text,
            entity_type: gold.entity_type,
            span: gold.span,
            gate: None,
            regions: places.iter().map(region).collect(),
        }
    }

    fn score(gold: Vec<GoldMention>, predicted_mention: &[PredictedMention], rules: Rules) -> Scores {
        let post = GoldPost { id: "p".into(), text: String::new(), mentions: gold, grounded: true };
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
            let scores = score(gold, &predicted_mention, Rules::RIVEG);
            let counts = |right| Counts { predicted: predicted_count, gold: gold_count, right };
            assert_eq!(scores.mner, counts(mner), "{name}: MNER");
            assert_eq!(scores.gmner, Some(counts(gmner)), "{name}: GMNER");
            assert_eq!(scores.eeg, Some(counts(eeg)), "{name}: EEG");
            assert_eq!(scores.smner, Some(counts(gmner)), "{name}: SMNER, whose masks fill the boxes");
            assert_eq!(scores.ees, Some(counts(eeg)), "{name}: EES");
        }
    }

    #[test]
    fn a_span_key_tells_two_places_of_one_name_apart() {
        let gold = || vec![gold("Ann", "PER", 0, &[(0, 9)]), gold("Ann", "PER", 8, &[])];
        let swapped =
            [predicted_mention("Ann", "PER", 0, &[]), predicted_mention("Ann", "PER", 8, &[(0, 9)])];
        assert_eq!(score(gold(), &swapped, Rules::RIVEG).gmner.unwrap().right, 2);
        let by_span = Rules::SPAN;
        assert_eq!(score(gold(), &swapped, by_span).gmner.unwrap().right, 0);
        assert_eq!(score(gold(), &swapped, by_span).mner.right, 2);
    }

    #[test]
    fn an_overlap_of_exactly_half_matches_unless_the_rules_are_strict() {
        let gold = || vec![gold("Ann", "PER", 0, &[(0, 20)])];
        let half = [predicted_mention("Ann", "PER", 0, &[(0, 10)])];
        assert_eq!(score(gold(), &half, Rules::RIVEG).gmner.unwrap().right, 1);
        assert_eq!(score(gold(), &half, Rules::RIVEG).smner.unwrap().right, 1);
        let strict = Rules::PAPER;
        assert_eq!(score(gold(), &half, strict).gmner.unwrap().right, 0);
        assert_eq!(score(gold(), &half, strict).ees.unwrap().right, 0);
    }

    #[test]
    fn a_right_box_with_a_wrong_mask_is_grounded_but_not_segmented() {
        let mut wrong_pixels = predicted_mention("Ann", "PER", 0, &[(0, 20)]);
        wrong_pixels.regions[0].mask = Some(place(30, 40).1);
        let scores = score(vec![gold("Ann", "PER", 0, &[(0, 20)])], &[wrong_pixels], Rules::RIVEG);
        assert_eq!((scores.gmner.unwrap().right, scores.smner.unwrap().right), (1, 0));
    }

    #[test]
    fn the_same_box_in_another_picture_is_not_the_same_place() {
        let mut elsewhere = predicted_mention("Ann", "PER", 0, &[(0, 9)]);
        elsewhere.regions[0].media_key = "n".into();
        let gold = vec![gold("Ann", "PER", 0, &[(0, 9)])];
        assert_eq!(score(gold, &[elsewhere], Rules::RIVEG).gmner.unwrap().right, 0);
    }

    #[test]
    fn without_gold_masks_no_mask_is_scored() {
        let mut unmasked = gold("Ann", "PER", 0, &[(0, 9)]);
        unmasked.regions[0].mask = None;
        let scores = score(vec![unmasked], &[predicted_mention("Ann", "PER", 0, &[(0, 9)])], Rules::RIVEG);
        assert_eq!((scores.gmner.unwrap().right, scores.smner, scores.ees), (1, None, None));
        assert!(scores.to_string().contains("SMNER         not scored"), "{scores}");
    }
}
