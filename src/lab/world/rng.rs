//! Random number generation: every generator is seeded by a purpose, a text and a number alone.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator that depends only on its three arguments.
pub(super) fn seeded_rng(purpose: &str, text: &str, number: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(purpose.as_bytes());
    hasher.update(&[0]);
    hasher.update(text.as_bytes());
    hasher.update(&[0]);
    hasher.update(&number.to_le_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Draws an index with the given weights; the last index if rounding leaves a remainder.
pub(super) fn weighted_index(weights: &[f64], rng: &mut impl Rng) -> usize {
    let mut draw = rng.random::<f64>() * weights.iter().sum::<f64>();
    for (index, weight) in weights.iter().enumerate() {
        draw -= weight;
        if draw < 0.0 {
            return index;
        }
    }
    weights.len().saturating_sub(1)
}

/// Draws a word of a table.
pub(super) fn pick<'a>(words: &[&'a str], rng: &mut impl Rng) -> &'a str {
    words[rng.random_range(0..words.len())]
}
