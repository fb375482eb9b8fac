//! Matcher: pairs the predictions of a post with its gold mentions, by the first fit or with the most pairs.

use std::collections::VecDeque;

use crate::lab::dataset::{GoldMention, PredictedMention};

use super::rules::{Assignment, MatchKey, Rules};

/// For every prediction the gold mention that it is paired with.
pub(super) type Pairs = Vec<Option<usize>>;

/// Whether a gold mention and a prediction have the same key, and the same type if `typed`.
pub(super) fn same_name(
    key: MatchKey,
    typed: bool,
    gold: &GoldMention,
    predicted: &PredictedMention,
) -> bool {
    let same_key = match key {
        MatchKey::Text => gold.text == predicted.text,
        MatchKey::Span => gold.span.is_some() && gold.span == predicted.span,
    };
    same_key && (!typed || gold.entity_type == predicted.entity_type)
}

/// The pairs of answers that agree, by the rules' way to pair.
pub(super) fn pairs(
    rules: Rules,
    gold: &[GoldMention],
    predicted: &[PredictedMention],
    agrees: impl Fn(&GoldMention, &PredictedMention) -> bool,
) -> Pairs {
    let fits = |prediction: &PredictedMention| -> Vec<usize> {
        (0..gold.len()).filter(|&place| agrees(&gold[place], prediction)).collect()
    };
    let fitting: Vec<Vec<usize>> = predicted.iter().map(fits).collect();
    match rules.assignment {
        Assignment::FirstFit => first_fit(&fitting, gold.len()),
        Assignment::Most => most(&fitting, gold.len()),
    }
}

/// Each prediction in order takes the first gold that is left.
fn first_fit(fitting: &[Vec<usize>], gold: usize) -> Pairs {
    let mut taken = vec![false; gold];
    let mut take = |places: &Vec<usize>| {
        let place = places.iter().copied().find(|&place| !taken[place])?;
        taken[place] = true;
        Some(place)
    };
    fitting.iter().map(&mut take).collect()
}

/// The most pairs, by augmenting paths: a prediction may take the gold of another one that has a second choice.
fn most(fitting: &[Vec<usize>], gold: usize) -> Pairs {
    let mut owner: Vec<Option<usize>> = vec![None; gold];
    let mut pairs: Pairs = vec![None; fitting.len()];
    for start in 0..fitting.len() {
        // The prediction from which each gold was reached, in breadth: no recursion, so no post is too large for the stack.
        let mut reached_from: Vec<Option<usize>> = vec![None; gold];
        let mut queue = VecDeque::from([start]);
        let mut free = None;
        'search: while let Some(prediction) = queue.pop_front() {
            for &place in &fitting[prediction] {
                if reached_from[place].is_some() {
                    continue;
                }
                reached_from[place] = Some(prediction);
                match owner[place] {
                    None => {
                        free = Some(place);
                        break 'search;
                    }
                    Some(other) => queue.push_back(other),
                }
            }
        }
        let mut next = free;
        while let Some(place) = next {
            let Some(prediction) = reached_from[place] else { break };
            owner[place] = Some(prediction);
            next = pairs[prediction].replace(place);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fit_may_block_a_later_one_and_the_most_pairs_do_not() {
        // The first prediction fits both, the second only the first gold.
        let fitting = [vec![0, 1], vec![0]];
        assert_eq!(first_fit(&fitting, 2), [Some(0), None]);
        assert_eq!(most(&fitting, 2), [Some(1), Some(0)]);
    }

    #[test]
    fn a_chain_of_second_choices_is_followed() {
        let fitting = [vec![0, 1], vec![1, 2], vec![2, 3], vec![0], vec![0, 1, 2]];
        let pairs = most(&fitting, 4);
        assert_eq!(pairs.iter().flatten().count(), 4);
        for (prediction, place) in pairs.iter().enumerate() {
            assert!(place.is_none_or(|place| fitting[prediction].contains(&place)), "{pairs:?}");
        }
    }

    #[test]
    fn ten_thousand_equal_mentions_are_paired() {
        let fitting = vec![vec![0]; 10_000];
        assert_eq!(most(&fitting, 1).iter().flatten().count(), 1);
    }
}
