//! Grounding by four location tokens. Drives the decoder along a beam.

use tch::{Kind, TchError, Tensor};

use super::beam::{Beam, candidates_needed};
use super::config::{END, PAD};
use super::{Encoded, Ofa, logits_of};

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

/// The finished beams of a batch in host memory, as they lie in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beams {
    /// Of each answer its tokens, the log-probability of these, and that of the end after them. In double precision, which
    /// has room for both.
    numbers: Vec<f64>,
    /// Answers of a prompt.
    width: usize,
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
        self.beams(encoded, width, choice)?.located()
    }

    /// What [`Self::locate`] finds, before it is put in order. It is read from the device once, at the end.
    pub(super) fn beams(&self, encoded: &Encoded, width: usize, choice: Choice) -> Result<Beams, TchError> {
        let (first, count) = match choice {
            Choice::Bins => (self.config.first_bin, self.config.bins),
            Choice::Anything => (0, self.config.vocabulary),
        };
        let width = width.min(count as usize - 1).max(1);
        let needed = candidates_needed(width) as i64;
        let mut past = self.decoder.begin(encoded, COORDINATES + 1);
        let mut beam = Beam::start(encoded.states.size()[0], self.embedding.device())?;
        for _ in 0..COORDINATES {
            let log_probabilities = self.next(&mut past, &beam, (first, count))?;
            if choice == Choice::Anything {
                for token in [PAD, END] {
                    let _ = log_probabilities.select(2, token).f_fill_(f64::NEG_INFINITY)?;
                }
            }
            let (values, indices) = log_probabilities.f_topk(needed, 2, true, true)?;
            let (extended, parents) = beam.extend((&indices.f_add_scalar(first)?, &values), width)?;
            past.follow(&parents);
            beam = extended;
        }
        let ends = self.next(&mut past, &beam, (END, 1))?;
        let numbers = [beam.tokens()?, beam.log_probability.f_unsqueeze(2)?, ends];
        let numbers =
            numbers.iter().map(|part| part.f_to_kind(Kind::Double)).collect::<Result<Vec<_>, _>>()?;
        let numbers = Vec::try_from(Tensor::f_cat(&numbers, 2)?.f_flatten(0, -1)?)?;
        Ok(Beams { numbers, width })
    }

    /// The log-probability after each hypothesis of `count` tokens of the vocabulary from `first` on,
    /// `[B, hypotheses, count]`.
    fn next(
        &self,
        past: &mut super::decoder::Past,
        beam: &Beam,
        (first, count): (i64, i64),
    ) -> Result<Tensor, TchError> {
        let states = self.decoder.step(past, &beam.last()?, &self.embedding);
        let logits = self.logits(&states);
        if logits.kind() == Kind::Float {
            return logits.f_log_softmax(-1, Kind::Float)?.f_narrow(2, first, count);
        }
        // In 16 bits the many errors of the sum cancel out; those of what is compared do not.
        let all = logits.f_to_kind(Kind::Float)?.f_logsumexp(-1, true)?;
        logits_of(&self.embedding.narrow(0, first, count), &states).f_sub(&all)
    }
}

impl Beams {
    /// The answers to each prompt, ordered by their tokens and the end after them.
    ///
    /// # Errors
    /// If one of them is no number.
    pub(super) fn located(&self) -> Result<Vec<Vec<Located>>, TchError> {
        if self.numbers.iter().any(|number| number.is_nan()) {
            return Err(TchError::Torch("the network's probabilities are not numbers".to_owned()));
        }
        let coordinates = COORDINATES as usize;
        let answers = self.numbers.chunks_exact(coordinates + 2).map(|numbers| {
            let (tokens, likely) = numbers.split_at(coordinates);
            let tokens = tokens.iter().map(|&token| token as i64).collect();
            let [log_probability, end] = [likely[0], likely[1]].map(|number| number as f32);
            Located { tokens, log_probability, score: (log_probability + end) / (COORDINATES + 1) as f32 }
        });
        let answers: Vec<Located> = answers.collect();
        let ordered = |beam: &[Located]| {
            let mut beam = beam.to_vec();
            beam.sort_by(|left, right| right.score.total_cmp(&left.score));
            beam
        };
        Ok(answers.chunks(self.width).map(ordered).collect())
    }
}
