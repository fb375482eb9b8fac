//! Training task of a gate or a grounder: likelihood of the right answer, and the score on the dev split.
//!
//! Both are as in OFA's own fine-tuning: a gate answers one of no, yes and maybe, and no other token has a part in its loss; a
//! grounder says the four location tokens of a box and the end, among all tokens.

use std::ops::Range;

use anyhow::{Context, Result};
use tch::{Kind, Tensor, no_grad};

use super::super::present::{Batched, Present};
use super::batches::{Batch, Loader};
use super::beginning::Answering;
use super::rows::Answer;
use crate::domain::BBox;
use crate::lab::train::training_loop::{TrainingTask, Validation};
use crate::networks::ofa::{BEGIN, Choice, END, Encoded, Ofa};
use crate::stages::entail::Reply;

/// The places of two answers among the gate's logits.
const NO: i64 = 0;
const YES: i64 = 1;
/// The least overlap of a box that counts as right.
const RIGHT_FROM: f32 = 0.5;

/// How a network learns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learning {
    /// How it answers at work.
    pub(super) answering: Answering,
    /// Share of the probability that is wanted for all other answers together.
    pub(super) label_smoothing: f64,
    /// Whether the trunk of pictures stays as it was.
    pub(super) frozen_trunk: bool,
    /// Pairs in memory as tensors at a time.
    pub(super) at_once: usize,
}

/// The training task.
pub(super) struct PairLearner {
    ofa: Ofa,
    learning: Learning,
    batches: Present<Batch>,
    dev: Loader,
}

impl Answering {
    /// What the score on the dev split is.
    #[must_use]
    pub(super) fn measure(self) -> &'static str {
        match self {
            Self::Gate { .. } => "accuracy",
            Self::Grounder { .. } => "Prec@0.5",
        }
    }
}

impl PairLearner {
    /// Trains on `batches`, and is scored on `dev`.
    #[must_use]
    pub(super) fn new(ofa: Ofa, learning: Learning, batches: Present<Batch>, dev: Loader) -> Self {
        Self { ofa, learning, batches, dev }
    }

    /// Pictures and questions of some pairs, read. The batch norms keep what they remember of pictures: a step has too few to
    /// measure them, and at work they are as they were.
    fn read(&self, batch: &Batch, pairs: &Range<usize>) -> (Tensor, Encoded) {
        let (kind, device) = self.ofa.place();
        let pixels = batch.pixels(pairs).to_device(device).to_kind(kind);
        let tokens = batch.tokens(pairs).to_device(device);
        let trunk = || self.ofa.trunk(&pixels, false);
        let trunk = if self.learning.frozen_trunk { no_grad(trunk) } else { trunk() };
        let encoded = self.ofa.encode(&trunk, &tokens, true);
        (tokens, encoded)
    }

    /// The sum of the losses of some pairs.
    fn loss_of(&self, batch: &Batch, pairs: &Range<usize>) -> Tensor {
        let (tokens, encoded) = self.read(batch, pairs);
        let answers = &batch.answers[pairs.clone()];
        let smoothing = self.learning.label_smoothing;
        match self.learning.answering {
            Answering::Gate { .. } => {
                let logits = self.ofa.answer_logits(&encoded, &tokens, true);
                let right: Vec<i64> =
                    answers.iter().map(|answer| if is_depicted(answer) { YES } else { NO }).collect();
                smoothed(&logits, &right, smoothing).sum(Kind::Float)
            }
            Answering::Grounder { .. } => {
                let (before, right) = self.tokens_of(answers);
                let count = answers.len() as i64;
                let before = Tensor::from_slice(&before).view([count, -1]).to_device(tokens.device());
                let logits = self.ofa.decode(&encoded, &before, true);
                // The mean of a box's tokens, so that rates mean the same in both tasks.
                let each = right.len() as f64 / count as f64;
                smoothed(&logits.flatten(0, 1), &right, smoothing).sum(Kind::Float) / each
            }
        }
    }

    /// For each token of the boxes the one before it, and the token itself: four bins and the end.
    fn tokens_of(&self, answers: &[Answer]) -> (Vec<i64>, Vec<i64>) {
        let first = self.ofa.config().first_bin;
        let bins = answers.iter().filter_map(|answer| match answer {
            Answer::Box { bins, .. } => Some(bins.map(|bin| bin + first)),
            Answer::Depicted(_) => None,
        });
        let (mut before, mut right) = (Vec::new(), Vec::new());
        for tokens in bins {
            before.push(BEGIN);
            before.extend(tokens);
            right.extend(tokens);
            right.push(END);
        }
        (before, right)
    }

    /// How many of some pairs are answered right, as the engine would answer them.
    fn right(&self, batch: &Batch) -> Result<usize> {
        let all = 0..batch.len();
        let (tokens, encoded) = self.read(batch, &all);
        match self.learning.answering {
            Answering::Gate { threshold } => {
                let logits = self.ofa.answer_logits(&encoded, &tokens, true);
                let probabilities = Vec::<f32>::try_from(logits.softmax(-1, Kind::Float).reshape([-1]))?;
                let shown = probabilities
                    .chunks_exact(3)
                    .map(|three| Reply { no: three[0], yes: three[1], maybe: three[2] }.shown() >= threshold);
                Ok(shown.zip(&batch.answers).filter(|(shown, answer)| *shown == is_depicted(answer)).count())
            }
            Answering::Grounder { beam } => {
                let located = self.ofa.locate(&encoded, beam, Choice::Bins)?;
                let best = located.iter().map(|answers| answers.first().map(|answer| &*answer.tokens));
                let is_right = |(tokens, answer): &(Option<&[i64]>, &Answer)| {
                    tokens.is_some_and(|tokens| self.overlap(tokens, answer) >= RIGHT_FROM)
                };
                Ok(best.zip(&batch.answers).filter(is_right).count())
            }
        }
    }

    /// The overlap of the box of four tokens with the right one.
    fn overlap(&self, tokens: &[i64], answer: &Answer) -> f32 {
        let (Answer::Box { bbox, size, .. }, &[left, top, right, bottom]) = (answer, tokens) else {
            return 0.0;
        };
        let config = self.ofa.config();
        let edge = |token: i64, side: u32| {
            (token - config.first_bin) as f32 / (config.bins - 1) as f32 * side as f32
        };
        let (width, height) = *size;
        let found = BBox {
            x0: edge(left.min(right), width),
            y0: edge(top.min(bottom), height),
            x1: edge(left.max(right), width),
            y1: edge(top.max(bottom), height),
        };
        found.iou(bbox)
    }
}

impl TrainingTask for PairLearner {
    fn parts(&mut self, _: i64) -> Result<usize> {
        self.batches.advance()
    }

    fn loss(&mut self, _: i64, part: usize) -> Result<(Tensor, String)> {
        let (batch, pairs) = self.batches.part(part)?;
        Ok((self.loss_of(batch, &pairs) / batch.len() as f64, String::new()))
    }

    fn validate(&mut self) -> Result<Validation> {
        let (count, at_once) = (self.dev.len(), self.learning.at_once);
        let mut right = 0;
        for start in (0..count).step_by(at_once) {
            let batch = self.dev.batch(start..(start + at_once).min(count));
            let batch = batch.context("failed to read the pictures of the dev split")?;
            right += no_grad(|| self.right(&batch))?;
        }
        let (measure, score) = (self.learning.answering.measure(), right as f64 / count.max(1) as f64);
        Ok(Validation {
            words: format!("{measure} {score:.4} of {count} pairs"),
            score: Some((measure, score)),
        })
    }
}

fn is_depicted(answer: &Answer) -> bool {
    matches!(answer, Answer::Depicted(true) | Answer::Box { .. })
}

/// Cross entropy of each row of `logits` `[rows, answers]`. The right answer is wanted with the probability 1 minus the
/// smoothing, the others share the rest, as in fairseq.
pub(super) fn smoothed(logits: &Tensor, right: &[i64], smoothing: f64) -> Tensor {
    let log_probabilities = logits.log_softmax(-1, Kind::Float);
    let right = Tensor::from_slice(right).to_device(logits.device());
    let of_right = log_probabilities.gather(1, &right.unsqueeze(1), false).squeeze_dim(1);
    let others = (logits.size()[1] - 1).max(1) as f64;
    let of_others = log_probabilities.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float) - &of_right;
    of_right * (smoothing - 1.0) - of_others * (smoothing / others)
}
