//! Entities of the queries' answers: queries without an entity are left out, and of those that overlap the surest stays.

use tch::{Kind, Tensor};

use super::Predictions;
use crate::stages::recognise::joint::Found;

/// Numbers of a query's answer: class and its certainty, left, right, none, candidate and its score.
pub const NUMBERS: usize = 7;

/// The likeliest answers of one query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryAnswer {
    /// The entity type, counted from 1; 0: there is no entity.
    pub class: usize,
    /// The logarithm of its odds. Many probabilities are rounded to 1, so they do not tell which query is surest.
    pub certainty: f32,
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
    let types = single(&predictions.types);
    let (likeliest, class) = types.max_dim(-1, false);
    let others = types.scatter_value(-1, &class.unsqueeze(-1), f64::NEG_INFINITY);
    let certainty = likeliest - others.logsumexp([-1_i64].as_slice(), false);
    let (left, right) = (predictions.left.argmax(-1, false), predictions.right.argmax(-1, false));
    let regions = single(&predictions.regions);
    let none = regions.select(2, 0).sigmoid();
    let candidates = regions.size()[2] - 1;
    let (region_logit, region) = if candidates > 0 {
        regions.narrow(2, 1, candidates).max_dim(-1, false)
    } else {
        (none.zeros_like(), class.zeros_like())
    };
    let region_score = region_logit.sigmoid();
    let numbers = [&class, &certainty, &left, &right, &none, &region, &region_score].map(single);
    Tensor::stack(&numbers, 2)
}

/// The answers of a text's queries, from its row of [`best`].
#[must_use]
pub fn query_answers(row: &[f32], has_candidates: bool) -> Vec<QueryAnswer> {
    let answer = |query: &[f32]| QueryAnswer {
        class: query[0] as usize,
        certainty: query[1],
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
    named.sort_by(|one, other| other.certainty.total_cmp(&one.certainty));
    let mut found: Vec<Found> = Vec::new();
    for answer in named {
        let words = answer.left..answer.right + 1;
        let overlaps = |other: &Found| other.words.start < words.end && words.start < other.words.end;
        if !found.iter().any(overlaps) {
            found.push(Found {
                words,
                entity_type: answer.class - 1,
                certainty: answer.certainty,
                score: 1.0 / (1.0 + (-answer.certainty).exp()),
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

    fn answer(class: usize, certainty: f32, (left, right): (usize, usize)) -> QueryAnswer {
        QueryAnswer { class, certainty, left, right, none: 0.25, region: Some((7, 0.5)) }
    }

    #[test]
    fn the_surest_of_overlapping_entities_stays_and_the_rest_is_in_reading_order() {
        let answers = [
            answer(2, -0.5, (4, 5)),
            answer(1, 40.0, (0, 1)),
            answer(3, 0.0, (5, 6)),
            answer(1, 30.0, (0, 1)),
            answer(0, 50.0, (2, 2)),
            answer(4, 50.0, (3, 2)),
        ];
        let places: Vec<_> = found(&answers).into_iter().map(|one| (one.words, one.entity_type)).collect();
        assert_eq!(places, [(0..2, 0), (5..7, 2)]);
        let one = &found(&answers)[0];
        assert_eq!((one.score, one.certainty, one.shown), (1.0, 40.0, 0.75));
        assert_eq!(one.region, Some((7, 0.5)));
        assert_eq!(found(&answers)[1].score, 0.5);
    }

    #[test]
    fn certainties_differ_where_probabilities_are_rounded_to_one() {
        let types = Tensor::from_slice(&[0.0_f32, 40.0, 1.0, 0.0, 41.0, 1.0]).view([1, 2, 3]);
        let [left, right] = [1, 1].map(|width| Tensor::zeros([1, 2, width], (Kind::Float, tch::Device::Cpu)));
        let regions = Tensor::from_slice(&[-2.0_f32, 50.0, 60.0, 0.0, -1.0, -2.0]).view([1, 2, 3]);
        let numbers = best(&Predictions { left, right, regions, types });
        let row = Vec::<f32>::try_from(numbers.flatten(0, -1)).unwrap();
        let answers = query_answers(&row, true);
        // Of odds of e^40 to 1 + e: less the logarithm of that.
        assert!((answers[0].certainty - (40.0 - (1.0 + 1.0_f32.exp()).ln())).abs() < 1e-4);
        assert!(answers[1].certainty > answers[0].certainty);
        assert_eq!(answers[0].region, Some((1, 1.0)), "the higher of two logits whose probabilities are 1");
        assert_eq!(answers[1].region.unwrap().0, 0);
    }
}
