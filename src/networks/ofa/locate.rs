//! Grounding by four location tokens. Drives the decoder along a beam.

use tch::{Kind, TchError, Tensor};

use super::beam::{self, Candidate, Hypothesis};
use super::config::{BEGIN, END, PAD};
use super::{Encoded, Ofa, logits_of};
use crate::networks::blocks::device::send;

/// Left, top, right, bottom.
const COORDINATES: i64 = 4;

/// Which tokens a beam may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Location bins only, so that every answer is a box.
    #[default]
    Bins,
    /// Everything but padding and the end, as OFA's own generator does.
    Anything,
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Its four tokens, ids of the vocabulary.
    pub tokens: Vec<i64>,
    /// The log-probability of the four together.
    pub log_probability: f32,
    /// The log-probability of the four and the end, a token: what answers are ordered by.
    pub score: f32,
}

impl Ofa {
    /// The `width` likeliest answers to each prompt, best first; at least 1, and fewer than there are choices.
    ///
    /// # Errors
    /// When libtorch fails, or the network computes something that is no number.
    pub fn locate(
        &self,
        encoded: &Encoded,
        width: usize,
        choice: Choice,
    ) -> Result<Vec<Vec<Located>>, TchError> {
        let (first, count) = match choice {
            Choice::Bins => (self.config.first_bin, self.config.bins),
            Choice::Anything => (0, self.config.vocabulary),
        };
        let width = width.min(count as usize - 1).max(1);
        let needed = beam::candidates_needed(width);
        let mut past = self.decoder.begin(encoded, COORDINATES + 1);
        let mut beams = vec![vec![beam::start()]; encoded.states.size()[0] as usize];
        for _ in 0..COORDINATES {
            let log_probabilities = self.next(&mut past, &beams, (first, count));
            if choice == Choice::Anything {
                for token in [PAD, END] {
                    let _ = log_probabilities.select(2, token).f_fill_(f64::NEG_INFINITY)?;
                }
            }
            let (values, indices) = log_probabilities.f_topk(needed as i64, 2, true, true)?;
            let values = Vec::try_from(values.f_reshape([-1])?)?;
            let tokens = Vec::try_from((indices + first).f_reshape([-1])?)?;
            let rows = candidates(&tokens, &values, needed)?;
            let hypotheses = beams[0].len();
            beams = beams
                .iter()
                .zip(rows.chunks(hypotheses))
                .map(|(beam, rows)| beam::extend(beam, rows, width))
                .collect();
            past.follow(&send(&parents(&beams, hypotheses), log_probabilities.device())?);
        }
        let ends = self.next(&mut past, &beams, (END, 1));
        let ends = Vec::try_from(ends.f_reshape([-1])?)?;
        Ok(finished(beams, &ends))
    }

    /// The log-probability after each hypothesis of `count` tokens of the vocabulary from `first` on,
    /// `[B, hypotheses, count]`.
    fn next(
        &self,
        past: &mut super::decoder::Past,
        beams: &[Vec<Hypothesis>],
        (first, count): (i64, i64),
    ) -> Tensor {
        let last = |hypothesis: &Hypothesis| hypothesis.tokens.last().copied().unwrap_or(BEGIN);
        let last: Vec<i64> = beams.iter().flatten().map(last).collect();
        let last = Tensor::from_slice(&last).view([beams.len() as i64, -1]);
        let last = last.to_device_(self.embedding.device(), Kind::Int64, true, false);
        let states = self.decoder.step(past, &last, &self.embedding);
        let logits = self.logits(&states);
        if logits.kind() == Kind::Float {
            return logits.log_softmax(-1, Kind::Float).narrow(2, first, count);
        }
        // In 16 bits the many errors of the sum cancel out; those of what is compared do not.
        let all = logits.to_kind(Kind::Float).logsumexp(-1, true);
        logits_of(&self.embedding.narrow(0, first, count), &states) - all
    }
}

/// The candidates of each hypothesis, `needed` a row.
fn candidates(tokens: &[i64], values: &[f32], needed: usize) -> Result<Vec<Vec<Candidate>>, TchError> {
    if values.iter().any(|value| value.is_nan()) {
        return Err(TchError::Torch("the network's probabilities are not numbers".to_owned()));
    }
    let candidate = |(&token, &log_probability): (&i64, &f32)| Candidate { token, log_probability };
    let rows = tokens.chunks(needed).zip(values.chunks(needed));
    Ok(rows.map(|(tokens, values)| tokens.iter().zip(values).map(candidate).collect()).collect())
}

/// Which row of the decoder's memory each hypothesis goes on from, where each prompt had `hypotheses` rows.
fn parents(beams: &[Vec<Hypothesis>], hypotheses: usize) -> Tensor {
    let parents = |(item, beam): (usize, &Vec<Hypothesis>)| {
        beam.iter().map(|hypothesis| (item * hypotheses + hypothesis.parent) as i64).collect::<Vec<_>>()
    };
    Tensor::from_slice(&beams.iter().enumerate().flat_map(parents).collect::<Vec<_>>())
}

/// Puts the end, whose log-probabilities are `ends`, after each hypothesis, and orders the answers.
fn finished(beams: Vec<Vec<Hypothesis>>, ends: &[f32]) -> Vec<Vec<Located>> {
    let mut ends = ends.iter();
    let finish = |hypothesis: Hypothesis| {
        let end = ends.next().copied().unwrap_or(f32::NEG_INFINITY);
        let score = (hypothesis.log_probability + end) / (COORDINATES + 1) as f32;
        Located { tokens: hypothesis.tokens, log_probability: hypothesis.log_probability, score }
    };
    let mut finish = finish;
    let ordered = |beam: Vec<Hypothesis>| {
        let mut answers: Vec<Located> = beam.into_iter().map(&mut finish).collect();
        answers.sort_by(|left, right| right.score.total_cmp(&left.score));
        answers
    };
    beams.into_iter().map(ordered).collect()
}
