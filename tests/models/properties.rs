//! Batch invariance: a batch answers as its members would alone, in any order, reproducibly.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Kind;

use super::networks::all;
use super::requests::Answer;

/// Batches of each network, of up to so many requests.
const BATCHES: usize = 6;
const MOST: usize = 7;
/// Remembers every picture, or none.
const EVERYTHING: usize = usize::MAX / 2;
const NOTHING: usize = 0;

/// How far a score may be from another, in parts of it; below 1, in parts of 1. Sums of a few dozen products in another
/// order differ by some units of the seventh digit.
const TOLERANCE: f32 = 1e-5;
/// The share of decisions that may fall otherwise: a pixel whose logit is 0 but for the last digits. Labels, places and
/// the pixels of a small mask are so few that it allows none.
const TIES: f64 = 1e-4;

/// Numbers of requests, each batch with one of them twice.
fn batches() -> Vec<Vec<u64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let batch = |_| {
        let mut batch: Vec<u64> = (0..rng.random_range(1..MOST)).map(|_| rng.random_range(0..1000)).collect();
        batch.push(batch[0]);
        batch
    };
    (0..BATCHES).map(batch).collect()
}

fn assert_near(one: &Answer, other: &Answer, what: &str) {
    assert_eq!(one.decisions.len(), other.decisions.len(), "{what}");
    let differing = one.decisions.iter().zip(&other.decisions).filter(|(one, other)| one != other).count();
    assert!(differing as f64 <= TIES * one.decisions.len() as f64, "{what}: {differing} decisions differ");
    assert_eq!(one.scores.len(), other.scores.len(), "{what}");
    for (one, other) in one.scores.iter().zip(&other.scores) {
        assert!((one - other).abs() <= TOLERANCE * other.abs().max(1.0), "{what}: {one} and {other}");
    }
}

#[test]
fn a_batch_answers_as_its_members_would_alone() {
    for network in all() {
        let (mut together, mut alone) =
            (network.make(Kind::Float, EVERYTHING), network.make(Kind::Float, NOTHING));
        let mut different = Vec::new();
        for batch in batches() {
            for (&number, answer) in batch.iter().zip(together(&batch)) {
                assert_near(&answer, &alone(&[number])[0], &format!("{}, request {number}", network.name));
                different.push(answer);
            }
        }
        // Of answers that are all alike nothing would follow.
        different.dedup_by(|one, other| one.scores == other.scores);
        assert!(different.len() > 2 * BATCHES, "{} says the same to everybody", network.name);
    }
}

#[test]
fn the_order_of_requests_does_not_matter() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    for network in all() {
        let mut one = network.make(Kind::Float, NOTHING);
        let mut other = network.make(Kind::Float, EVERYTHING);
        for batch in batches() {
            let mut shuffled: Vec<(u64, Answer)> = batch.iter().copied().zip(one(&batch)).collect();
            shuffled.shuffle(&mut rng);
            let numbers: Vec<u64> = shuffled.iter().map(|(number, _)| *number).collect();
            for (answer, (number, expected)) in other(&numbers).iter().zip(&shuffled) {
                assert_near(answer, expected, &format!("{}, request {number}", network.name));
            }
        }
    }
}

#[test]
fn the_same_batch_gets_the_same_answer_bit_for_bit() {
    for network in all() {
        for (kind, count) in [(Kind::Float, BATCHES), (Kind::BFloat16, 2), (Kind::Half, 2)] {
            let (mut one, mut other) = (network.make(kind, EVERYTHING), network.make(kind, EVERYTHING));
            let mut forgetful = network.make(kind, NOTHING);
            for batch in &batches()[..count] {
                let first = one(batch);
                assert_eq!(first, one(batch), "{} in {kind:?}, asked again", network.name);
                assert_eq!(first, other(batch), "{} in {kind:?}, made again", network.name);
                let fresh = forgetful(batch);
                assert_eq!(fresh, forgetful(batch), "{} in {kind:?}, with nothing remembered", network.name);
            }
        }
    }
}
