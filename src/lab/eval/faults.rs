//! Faults: the kind of each error of an answer, and the part of the engine that made it.

use serde::Serialize;

use crate::lab::dataset::{GoldMention, GoldPost, PredictedMention};

use super::matcher::same_name;
use super::regions::Kind;
use super::rules::Rules;
use super::scores::Score;

/// A kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No prediction has this name.
    Missed,
    /// No gold has this name.
    Spurious,
    /// The name is right, its type is not.
    WrongType,
    /// The places in the text overlap, and are not the same.
    WrongBoundary,
    /// The picture shows the entity, and the answer says that it does not.
    SaidAbsent,
    /// The picture does not show the entity, and the answer says that it does.
    SaidDepicted,
    /// The box is elsewhere, or missing.
    WrongBox,
    /// The box is right, the mask is not.
    WrongMask,
}

/// A part of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Names and types.
    Tagger,
    /// Whether a picture shows an entity.
    Gate,
    /// Boxes.
    Box,
    /// Masks.
    Mask,
}

impl Fault {
    /// All kinds, in the order of the engine's parts.
    pub const ALL: [Self; 8] = [
        Self::Missed,
        Self::Spurious,
        Self::WrongType,
        Self::WrongBoundary,
        Self::SaidAbsent,
        Self::SaidDepicted,
        Self::WrongBox,
        Self::WrongMask,
    ];

    /// The part that made the error.
    #[must_use]
    pub fn part(self) -> Part {
        match self {
            Self::Missed | Self::Spurious | Self::WrongType | Self::WrongBoundary => Part::Tagger,
            Self::SaidAbsent | Self::SaidDepicted => Part::Gate,
            Self::WrongBox => Part::Box,
            Self::WrongMask => Part::Mask,
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed mention",
            Self::Spurious => "spurious mention",
            Self::WrongType => "wrong type",
            Self::WrongBoundary => "wrong boundary",
            Self::SaidAbsent => "shown, said absent",
            Self::SaidDepicted => "absent, said shown",
            Self::WrongBox => "wrong box",
            Self::WrongMask => "wrong mask",
        }
    }
}

impl Part {
    /// All parts, in the order in which a post passes them.
    pub const ALL: [Self; 4] = [Self::Tagger, Self::Gate, Self::Box, Self::Mask];

    /// Its name for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tagger => "tagger",
            Self::Gate => "gate",
            Self::Box => "box",
            Self::Mask => "mask",
        }
    }
}

/// A gold mention, a prediction, or both, with the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedPair {
    /// The gold mention, by its place in the post.
    pub gold: Option<usize>,
    /// The prediction, by its place in the post.
    pub predicted: Option<usize>,
    /// None if it is right.
    pub fault: Option<Fault>,
}

impl JudgedPair {
    /// How many predictions and gold mentions it loses.
    pub(super) fn lost(&self) -> u64 {
        if self.fault.is_none() {
            0
        } else {
            u64::from(self.gold.is_some()) + u64::from(self.predicted.is_some())
        }
    }
}

/// Judges every gold mention and every prediction of a post by this score.
#[must_use]
pub fn judge(gold: &GoldPost, predicted: &[PredictedMention], rules: Rules, score: Score) -> Vec<JudgedPair> {
    let mut pairs = score.pairs(gold, predicted, rules).unwrap_or_else(|| vec![None; predicted.len()]);
    let right = pairs.clone();
    // What is left is paired by less and less, the surest first.
    let same_place = |g: &GoldMention, p: &PredictedMention| g.span.is_some() && g.span == p.span;
    let typed = |g: &GoldMention, p: &PredictedMention| same_name(rules.key, true, g, p);
    pair_left(&mut pairs, gold, predicted, |g, p| same_place(g, p) && typed(g, p));
    pair_left(&mut pairs, gold, predicted, typed);
    pair_left(&mut pairs, gold, predicted, same_place);
    pair_left(&mut pairs, gold, predicted, |g, p| same_name(rules.key, false, g, p));
    pair_left(&mut pairs, gold, predicted, |g, p| spans_overlap(g.span, p.span));
    let of_pair = |(place, pair): (usize, &Option<usize>)| {
        let fault = match pair {
            _ if right[place].is_some() => None,
            None => Some(Fault::Spurious),
            Some(of_gold) => Some(disagreement(&gold.mentions[*of_gold], &predicted[place], rules)),
        };
        JudgedPair { gold: *pair, predicted: Some(place), fault }
    };
    let mut judged: Vec<JudgedPair> = pairs.iter().enumerate().map(of_pair).collect();
    let missed = (0..gold.mentions.len()).filter(|&place| !pairs.contains(&Some(place)));
    judged.extend(missed.map(|place| JudgedPair {
        gold: Some(place),
        predicted: None,
        fault: Some(Fault::Missed),
    }));
    judged
}

/// Pairs predictions with gold that both are left and fit.
fn pair_left(
    pairs: &mut [Option<usize>],
    gold: &GoldPost,
    predicted: &[PredictedMention],
    fits: impl Fn(&GoldMention, &PredictedMention) -> bool,
) {
    let mut taken = vec![false; gold.mentions.len()];
    pairs.iter().flatten().for_each(|&place| taken[place] = true);
    for (pair, prediction) in pairs.iter_mut().zip(predicted).filter(|(pair, _)| pair.is_none()) {
        *pair = (0..taken.len()).find(|&place| !taken[place] && fits(&gold.mentions[place], prediction));
        pair.iter().for_each(|&place| taken[place] = true);
    }
}

fn spans_overlap(one: Option<(usize, usize)>, other: Option<(usize, usize)>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.0 < other.1 && other.0 < one.1)
}

/// The first part of the engine that a pair disagrees in.
fn disagreement(gold: &GoldMention, predicted: &PredictedMention, rules: Rules) -> Fault {
    if gold.entity_type != predicted.entity_type {
        return Fault::WrongType;
    }
    if !same_name(rules.key, true, gold, predicted) {
        return Fault::WrongBoundary;
    }
    if gold.regions.is_empty() {
        return Fault::SaidDepicted;
    }
    if predicted.regions.is_empty() {
        return if predicted.is_depicted() { Fault::WrongBox } else { Fault::SaidAbsent };
    }
    // The gate chooses among the pictures of a post.
    let same_picture = |key: &str| gold.regions.iter().any(|region| region.media_key == key);
    if !predicted.regions.iter().any(|region| same_picture(&region.media_key)) {
        return Fault::SaidDepicted;
    }
    if Kind::Box.agree(&predicted.regions, &gold.regions, rules.threshold) {
        Fault::WrongMask
    } else {
        Fault::WrongBox
    }
}

#[cfg(test)]
mod tests {
    use super::super::scores::Scores;
    use super::*;
    use crate::domain::{BBox, EntityType, Mask};
    use crate::lab::dataset::{GoldRegion, PredictedRegion};

    fn gold(text: &str, name: &str, start: usize, columns: Option<u32>) -> GoldMention {
        let region = |x0: u32| GoldRegion { media_key: "m".into(), bbox: bbox(x0), mask: Some(mask(x0)) };
        GoldMention {
            text: text.into(),
            entity_type: EntityType::new(name),
            span: Some((start, start + text.len())),
            regions: columns.map(region).into_iter().collect(),
        }
    }

    fn said(text: &str, name: &str, start: usize, columns: Option<(u32, u32)>) -> PredictedMention {
        let region = |(of_box, of_mask): (u32, u32)| PredictedRegion {
            media_key: "m".into(),
            bbox: Some(bbox(of_box)),
            mask: Some(mask(of_mask)),
            mask_score: Some(0.5),
        };
        PredictedMention {
            text: text.into(),
            entity_type: EntityType::new(name),
            span: Some((start, start + text.len())),
            gate: None,
            regions: columns.map(region).into_iter().collect(),
        }
    }

    fn bbox(x0: u32) -> BBox {
        BBox { x0: x0 as f32, y0: 0.0, x1: (x0 + 10) as f32, y1: 10.0 }
    }

    fn mask(x0: u32) -> Mask {
        Mask { width: 40, height: 10, runs: vec![10 * x0, 100, 10 * (30 - x0)] }
    }

    fn post(mentions: Vec<GoldMention>) -> GoldPost {
        GoldPost { id: "p".into(), text: String::new(), mentions, grounded: true }
    }

    #[test]
    fn every_kind_of_error_is_told_and_all_lost_points_add_up() {
        let mut dropped = said("Dee", "PER", 40, None);
        dropped.gate = Some(true);
        let cases: Vec<(Vec<GoldMention>, Vec<PredictedMention>, Vec<Fault>)> = vec![
            (vec![gold("Ann", "PER", 0, Some(0))], vec![said("Ann", "PER", 0, Some((0, 0)))], vec![]),
            (vec![gold("Ann", "PER", 0, None)], vec![], vec![Fault::Missed]),
            (vec![], vec![said("Ann", "PER", 0, None)], vec![Fault::Spurious]),
            (vec![gold("Ann", "PER", 0, None)], vec![said("Ann", "ORG", 0, None)], vec![Fault::WrongType]),
            (
                vec![gold("Ann Lee", "PER", 0, None)],
                vec![said("Ann", "PER", 0, None)],
                vec![Fault::WrongBoundary],
            ),
            (
                vec![gold("Ann", "PER", 0, Some(0))],
                vec![said("Ann", "PER", 0, None)],
                vec![Fault::SaidAbsent],
            ),
            (
                vec![gold("Ann", "PER", 0, None)],
                vec![said("Ann", "PER", 0, Some((0, 0)))],
                vec![Fault::SaidDepicted],
            ),
            (
                vec![gold("Ann", "PER", 0, Some(0))],
                vec![said("Ann", "PER", 0, Some((20, 20)))],
                vec![Fault::WrongBox],
            ),
            (vec![gold("Dee", "PER", 40, Some(0))], vec![dropped], vec![Fault::WrongBox]),
            (
                vec![gold("Ann", "PER", 0, Some(0))],
                vec![said("Ann", "PER", 0, Some((0, 20)))],
                vec![Fault::WrongMask],
            ),
            (
                vec![gold("Ann", "PER", 0, None), gold("Bo", "PER", 9, None)],
                vec![said("Bo", "PER", 9, None), said("Cy", "PER", 30, None)],
                vec![Fault::Spurious, Fault::Missed],
            ),
        ];
        for (mentions, predicted, expected) in cases {
            let post = post(mentions);
            for rules in [Rules::RIVEG, Rules::SPAN] {
                let posts = [(&post, predicted.as_slice())];
                let total = Scores::count(posts, rules);
                let judged = judge(&post, &predicted, rules, total.strictest());
                let faults: Vec<Fault> = judged.iter().filter_map(|pair| pair.fault).collect();
                assert_eq!(faults, expected, "{predicted:?}");
                let counts = total.smner.unwrap();
                let lost: u64 = judged.iter().map(JudgedPair::lost).sum();
                assert_eq!(lost, counts.predicted + counts.gold - 2 * counts.right, "{predicted:?}");
            }
        }
    }
}
