//! Candidate regions of a training text: how good each is for an entity, and which of them the network sees.

use rand::Rng;
use rand::seq::SliceRandom;

use crate::domain::BBox;
use crate::stages::recognise::joint::{Candidate, as_box};

/// The least overlap at which a candidate shows an object, as in the scores.
const SHOWS: f32 = 0.5;

/// How good no region and each candidate are for an entity with these boxes: the overlap where it is enough, or else of the
/// best candidate alone.
pub(super) fn goodness(candidates: &[Candidate], boxes: &[BBox]) -> Vec<f32> {
    if boxes.is_empty() {
        return std::iter::once(1.0).chain(candidates.iter().map(|_| 0.0)).collect();
    }
    let overlap =
        |&candidate: &Candidate| boxes.iter().map(|bbox| bbox.iou(&as_box(candidate))).fold(0.0, f32::max);
    let overlaps: Vec<f32> = candidates.iter().map(overlap).collect();
    let enough = overlaps.iter().copied().fold(0.0, f32::max).min(SHOWS);
    let good = |overlap: f32| if overlap >= enough { overlap } else { 0.0 };
    std::iter::once(0.0).chain(overlaps.into_iter().map(good)).collect()
}

/// The numbers of at most `most` of `count` candidates, in order: the best for the entities of a text, whose goodness is
/// given, and others at random.
pub(super) fn seen(count: usize, good: &[Vec<f32>], most: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    if count > most {
        let best = |number: usize| good.iter().map(|good| good[1 + number]).fold(0.0, f32::max);
        numbers.shuffle(rng);
        numbers.sort_by(|&one, &other| best(other).total_cmp(&best(one)));
        numbers.truncate(most);
        numbers.sort_unstable();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const CANDIDATES: [Candidate; 3] = [[0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.5, 0.6], [0.5, 0.0, 1.0, 1.0]];

    #[test]
    fn candidates_are_as_good_as_they_overlap_and_the_best_is_good_in_any_case() {
        let bbox = |x1: f32, y1: f32| BBox { x0: 0.0, y0: 0.0, x1, y1 };
        assert_eq!(goodness(&CANDIDATES, &[]), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(goodness(&CANDIDATES, &[bbox(0.5, 1.0)]), [0.0, 1.0, 0.6, 0.0]);
        let small = goodness(&CANDIDATES, &[bbox(0.25, 0.3)]);
        assert!(small[2] > 0.2 && small[1] == 0.0 && small[0] == 0.0, "{small:?}");
        let both = goodness(&CANDIDATES, &[bbox(0.5, 1.0), BBox { x0: 0.5, y0: 0.0, x1: 1.0, y1: 1.0 }]);
        assert_eq!(both, [0.0, 1.0, 0.6, 1.0]);
    }

    #[test]
    fn the_best_candidates_are_seen_and_others_by_chance() {
        let mut good = [vec![0.0; 31], vec![0.0; 31]];
        (good[0][8], good[0][3], good[1][21]) = (0.6, 0.9, 0.7);
        let of = |most: usize, seed: u64| seen(30, &good, most, &mut ChaCha8Rng::seed_from_u64(seed));
        let several = of(10, 1);
        assert!(several.len() == 10 && several.is_sorted());
        assert!([7, 2, 20].iter().all(|best| several.contains(best)), "{several:?}");
        assert_eq!((of(10, 1), of(2, 1)), (several.clone(), vec![2, 20]));
        assert_ne!(of(10, 2), several);
        assert_eq!(of(30, 1), (0..30).collect::<Vec<_>>());
    }
}
