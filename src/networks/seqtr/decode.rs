//! Greedy decoding of tokens to places. Always the likeliest next one, then back to the original picture.

use tch::{Kind, TchError, Tensor};

use super::config::CELL;
use super::{Encoded, SeqTr};
use crate::common::imaging::Picture;
use crate::stages::ground::Outline;

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// Its bins, x and y in turn, without the end.
    pub bins: Vec<i64>,
    /// Tokens that were said: the bins, and the end where there is one.
    pub tokens: usize,
    /// The log-probability of all of them.
    pub log_probability: f32,
}

/// Where a picture's bins lie in the original, as fractions of its sides.
///
/// Bins divide the picture as the published network's loader pads it, each side to the next multiple of 32, not the
/// square it is laid into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ruler {
    bins: f64,
    padded: [f64; 2],
    scaled: [f64; 2],
}

impl Ruler {
    pub(super) fn of(picture: &Picture, bins: i64) -> Self {
        let sides = [picture.width, picture.height].map(i64::from);
        let padded = sides.map(|side| ((side + CELL - 1) / CELL * CELL) as f64);
        Self { bins: bins as f64, padded, scaled: sides.map(|side| side as f64) }
    }

    /// The fraction of the original's width (axis 0) or height (axis 1), at most 1: what is in the padding is not in
    /// the picture.
    pub(super) fn fraction(&self, axis: usize, bin: i64) -> f64 {
        (bin as f64 * self.padded[axis] / self.bins / self.scaled[axis]).min(1.0)
    }

    /// The edges of a box of four bins, as fractions of the original.
    pub(super) fn corners(&self, sequence: &Sequence) -> [f64; 4] {
        [0, 1, 2, 3].map(|edge| self.fraction(edge % 2, sequence.bins[edge]))
    }

    /// The outline of a contour. A last x without its y is no point.
    ///
    /// The authors' evaluation takes a contour of two points for a box with a width and a height; here it encloses
    /// nothing.
    pub(super) fn outline(&self, sequence: &Sequence) -> Outline {
        let points = sequence.bins.chunks_exact(2);
        let points = points.map(|point| [self.fraction(0, point[0]), self.fraction(1, point[1])]);
        Outline { points: points.collect(), tokens: sequence.tokens }
    }
}

impl SeqTr {
    /// The answer to each row: four bins, or for a network of contours as many as come before the end.
    ///
    /// # Errors
    /// When libtorch fails, or the network computes something that is no number.
    pub fn answer(&self, encoded: &Encoded) -> Result<Vec<Sequence>, TchError> {
        let bins = self.config.bins;
        // A box has always four edges, so its end is never asked about.
        let choices = if self.config.contour_points.is_some() { bins + 1 } else { bins };
        let mut past = self.transformer.begin(encoded);
        let (mut tokens, mut likelihoods): (Vec<Tensor>, Vec<Tensor>) = (Vec::new(), Vec::new());
        let mut ended: Option<Tensor> = None;
        for _ in 0..self.config.longest_answer() {
            let logits = self.transformer.step(&mut past, tokens.last()).f_narrow(1, 0, choices)?;
            let (likelihood, token) = logits.f_log_softmax(-1, Kind::Float)?.f_max_dim(1, false)?;
            if choices > bins {
                let ends = token.f_eq(bins)?;
                let all = match ended {
                    Some(before) => before.f_logical_or(&ends)?,
                    None => ends,
                };
                if all.f_all()?.f_int64_value(&[])? != 0 {
                    tokens.push(token);
                    likelihoods.push(likelihood);
                    break;
                }
                ended = Some(all);
            }
            tokens.push(token);
            likelihoods.push(likelihood);
        }
        let tokens = Vec::<i64>::try_from(Tensor::f_stack(&tokens, 1)?.f_reshape([-1])?)?;
        let steps = likelihoods.len();
        let likelihoods = Vec::<f32>::try_from(Tensor::f_stack(&likelihoods, 1)?.f_reshape([-1])?)?;
        if likelihoods.iter().any(|likelihood| !likelihood.is_finite()) {
            return Err(TchError::Torch("the network's probabilities are not numbers".to_owned()));
        }
        let rows = tokens.chunks(steps).zip(likelihoods.chunks(steps));
        Ok(rows.map(|(tokens, likelihoods)| up_to_the_end(tokens, likelihoods, bins)).collect())
    }
}

fn up_to_the_end(tokens: &[i64], likelihoods: &[f32], end: i64) -> Sequence {
    let length = tokens.iter().position(|&token| token == end).unwrap_or(tokens.len());
    let counted = (length + 1).min(likelihoods.len());
    Sequence {
        bins: tokens[..length].to_vec(),
        tokens: counted,
        log_probability: likelihoods[..counted].iter().sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContentHash;

    /// 300 x 100 pixels, seen as 96 x 33 in a square of 96: padded to 96 x 64.
    fn picture() -> Picture {
        Picture {
            hash: ContentHash([0; 32]),
            width: 96,
            height: 33,
            original_width: 300,
            original_height: 100,
            rgb: vec![0; 96 * 33 * 3],
        }
    }

    #[test]
    fn bins_divide_the_padded_picture_and_end_at_the_picture() {
        let ruler = Ruler::of(&picture(), 96);
        let cases =
            [((0, 0), 0.0), ((0, 48), 0.5), ((0, 95), 95.0 / 96.0), ((1, 48), 32.0 / 33.0), ((1, 50), 1.0)];
        for ((axis, bin), expected) in cases {
            let fraction = ruler.fraction(axis, bin);
            assert!((fraction - expected).abs() < 1e-12, "axis {axis}, bin {bin}: {fraction}");
        }
    }

    #[test]
    fn a_contour_is_pairs_of_bins_as_fractions_of_the_original() {
        let sequence = Sequence { bins: vec![0, 0, 48, 0, 48, 90, 7], tokens: 7, log_probability: -1.0 };
        let outline = Ruler::of(&picture(), 96).outline(&sequence);
        assert_eq!(outline.pixels(300, 100), [[0.0, 0.0], [150.0, 0.0], [150.0, 100.0]]);
        assert_eq!(outline.tokens, 7);
    }

    #[test]
    fn what_follows_the_end_is_not_said() {
        let said = up_to_the_end(&[4, 5, 9, 6], &[-1.0, -2.0, -4.0, -8.0], 9);
        assert_eq!(said, Sequence { bins: vec![4, 5], tokens: 3, log_probability: -7.0 });
        let said = up_to_the_end(&[4, 5], &[-1.0, -2.0], 9);
        assert_eq!(said, Sequence { bins: vec![4, 5], tokens: 2, log_probability: -3.0 });
        assert!(up_to_the_end(&[9], &[-1.0], 9).bins.is_empty());
    }
}
