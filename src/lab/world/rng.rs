//! Where does chance come from? Every draw of the world is a pure function of words and numbers.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator that depends on a purpose, a text and a number alone.
pub(super) fn seeded_rng(purpose: &str, text: &str, number: u64) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(purpose.as_bytes());
    hasher.update(&[0]);
    hasher.update(text.as_bytes());
    hasher.update(&[0]);
    hasher.update(&number.to_le_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// Picks an index with the given weights; the last one where they add up to less than the draw.
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

/// One of a table's words.
pub(super) fn pick<'a>(words: &[&'a str], rng: &mut impl Rng) -> &'a str {
    words[rng.random_range(0..words.len())]
}
