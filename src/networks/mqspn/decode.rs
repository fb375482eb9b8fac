//! Entities of the queries' answers: queries without an entity are left out, and of those that overlap the surest stays.

use tch::{Kind, Tensor};

use super::Predictions;
use crate::stages::recognise::joint::Found;

/// Numbers of a query's answer: class and its score, left, right, none, candidate and its score.
pub const NUMBERS: usize = 7;

/// The likeliest answers of one query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryAnswer {
    /// The entity type, counted from 1; 0: there is no entity.
    pub class: usize,
    /// Its probability.
    pub score: f32,
    /// The first word.
    pub left: usize,
    /// The last word.
    pub right: usize,
    /// The probability that the picture does not show it.
    pub none: f32,
    /// The likeliest candidate and its score; none without candidates.
    pub region: Option<(usize, f32)>,
}

/// The likeliest answers of each query, `[B, Q, NUMBERS]` of `Float`, as [`query_answers`] reads them.
pub fn best(predictions: &Predictions) -> Tensor {
    let single = |logits: &Tensor| logits.to_kind(Kind::Float);
    let (score, class) = single(&predictions.types).softmax(-1, Kind::Float).max_dim(-1, false);
    let (left, right) = (predictions.left.argmax(-1, false), predictions.right.argmax(-1, false));
    let regions = single(&predictions.regions).sigmoid();
    let none = regions.select(2, 0);
    let candidates = regions.size()[2] - 1;
    let (region_score, region) = if candidates > 0 {
        regions.narrow(2, 1, candidates).max_dim(-1, false)
    } else {
        (none.zeros_like(), class.zeros_like())
    };
    let numbers = [&class, &score, &left, &right, &none, &region, &region_score].map(single);
    Tensor::stack(&numbers, 2)
}

/// The answers of a text's queries, from its row of [`best`].
#[must_use]
pub fn query_answers(row: &[f32], has_candidates: bool) -> Vec<QueryAnswer> {
    let answer = |query: &[f32]| QueryAnswer {
        class: query[0] as usize,
        score: query[1],
        left: query[2] as usize,
        right: query[3] as usize,
        none: query[4],
        region: has_candidates.then_some((query[5] as usize, query[6])),
    };
    row.chunks_exact(NUMBERS).map(answer).collect()
}

/// The entities of a text, in reading order.
#[must_use]
pub fn found(answers: &[QueryAnswer]) -> Vec<Found> {
    let mut named: Vec<&QueryAnswer> =
        answers.iter().filter(|answer| answer.class > 0 && answer.left <= answer.right).collect();
    named.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut found: Vec<Found> = Vec::new();
    for answer in named {
        let words = answer.left..answer.right + 1;
        let overlaps = |other: &Found| other.words.start < words.end && words.start < other.words.end;
        if !found.iter().any(overlaps) {
            found.push(Found {
                words,
                entity_type: answer.class - 1,
                score: answer.score,
                shown: 1.0 - answer.none,
                region: answer.region,
            });
        }
    }
    found.sort_by_key(|entity| entity.words.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(class: usize, score: f32, (left, right): (usize, usize)) -> QueryAnswer {
        QueryAnswer { class, score, left, right, none: 0.25, region: Some((7, 0.5)) }
    }

    #[test]
    fn the_surest_of_overlapping_entities_stays_and_the_rest_is_in_reading_order() {
        let answers = [
            answer(2, 0.6, (4, 5)),
            answer(1, 0.9, (0, 1)),
            answer(3, 0.7, (5, 6)),
            answer(1, 0.8, (0, 1)),
            answer(0, 1.0, (2, 2)),
            answer(4, 1.0, (3, 2)),
        ];
        let places: Vec<_> = found(&answers).into_iter().map(|one| (one.words, one.entity_type)).collect();
        assert_eq!(places, [(0..2, 0), (5..7, 2)]);
        let one = &found(&answers)[0];
        assert_eq!((one.score, one.shown, one.region), (0.9, 0.75, Some((7, 0.5))));
    }
}
