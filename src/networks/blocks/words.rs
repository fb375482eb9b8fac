//! Words from pieces: the probabilities of a word's labels from those of its pieces, as Transformers aggregates them.

use serde::{Deserialize, Serialize};

/// How the pieces of a word decide together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The first piece decides, on which most taggers are trained.
    #[default]
    First,
    /// The mean of the probabilities of all pieces.
    Mean,
    /// The piece with the most probable label decides.
    Max,
}

/// How the label of each word is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoding {
    /// The most probable label of each word.
    #[default]
    Argmax,
    /// The most probable sequence of those that the scheme allows.
    Valid,
}

impl Pooling {
    /// The pieces of a word that are needed: `begin` to before `end`.
    #[must_use]
    pub fn needed(self, begin: u32, end: u32) -> std::ops::Range<u32> {
        match self {
            Self::First => begin..begin + 1,
            Self::Mean | Self::Max => begin..end.max(begin + 1),
        }
    }

    /// The probabilities of a word's labels, from the scores of its needed pieces, `pieces * labels` numbers.
    #[must_use]
    pub fn pooled(self, scores: &[f32], labels: usize) -> Vec<f32> {
        let mut pieces = scores.chunks_exact(labels).map(probabilities);
        let Some(first) = pieces.next() else { return Vec::new() };
        match self {
            Self::First => first,
            Self::Mean => {
                let count = (scores.len() / labels) as f32;
                let add =
                    |sum: Vec<f32>, piece: Vec<f32>| sum.iter().zip(&piece).map(|(a, b)| a + b).collect();
                pieces.fold(first, add).into_iter().map(|sum| sum / count).collect()
            }
            Self::Max => {
                let highest = |piece: &[f32]| piece.iter().copied().fold(0.0, f32::max);
                pieces.fold(first, |best, piece| if highest(&piece) > highest(&best) { piece } else { best })
            }
        }
    }
}

/// The softmax of scores.
fn probabilities(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f32 = shares.iter().sum();
    shares.into_iter().map(|share| share / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pieces of three labels: the first is unsure of the first label, the second sure of the third.
    const SCORES: [f32; 6] = [1.0, 0.5, 0.5, 0.0, 0.0, 2.0];

    fn best(pooling: Pooling, scores: &[f32]) -> usize {
        let pooled = pooling.pooled(scores, 3);
        assert!((pooled.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{pooled:?}");
        (0..3).max_by(|&a, &b| pooled[a].total_cmp(&pooled[b])).unwrap()
    }

    #[test]
    fn first_mean_and_max_decide_differently() {
        assert_eq!(best(Pooling::First, &SCORES[..3]), 0);
        assert_eq!(best(Pooling::Mean, &SCORES), 2);
        assert_eq!(best(Pooling::Max, &SCORES), 2);
        let flat = [3.0, 0.0, 0.0, 0.0, 1.5, 0.0];
        assert_eq!((best(Pooling::Mean, &flat), best(Pooling::Max, &flat)), (0, 0));
        // 0.5 for the mean of the first two labels, but the second piece is the surest.
        let mean = Pooling::Mean.pooled(&[0.0, 0.0, -90.0, 0.0, 90.0, 0.0], 3);
        assert!((mean[0] - 0.25).abs() < 1e-6 && (mean[1] - 0.75).abs() < 1e-6, "{mean:?}");
    }

    #[test]
    fn a_word_needs_its_first_piece_or_all() {
        assert_eq!(Pooling::First.needed(2, 5), 2..3);
        assert_eq!(Pooling::Mean.needed(2, 5), 2..5);
        assert_eq!(Pooling::Max.needed(2, 2), 2..3);
        assert!(Pooling::Mean.pooled(&[], 3).is_empty());
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let probabilities = Pooling::First.pooled(&[200.0, 100.0, 0.0], 3);
        assert_eq!(probabilities[0], 1.0);
        assert!(probabilities[1..].iter().all(|probability| *probability < 1e-40), "{probabilities:?}");
    }
}
