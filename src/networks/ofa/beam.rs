//! Beam search: one step. Everything stays on the network's device, so that no step waits until the host has read the one
//! before it.
//!
//! As fairseq's generator does it for four location tokens: no token is forced, no three tokens follow one another
//! twice, and the end's own probability counts towards the order of the finished sequences.

use tch::{Device, Kind, TchError, Tensor};

use super::config::BEGIN;

/// The hypotheses of each prompt, best first.
#[derive(Debug)]
pub(super) struct Beam {
    /// The beginning, then the tokens of each: `[B, hypotheses, 1 + tokens]`.
    sequences: Tensor,
    /// The log-probability of all tokens of each: `[B, hypotheses]`.
    pub(super) log_probability: Tensor,
}

/// How many candidates of each hypothesis [`Beam::extend`] must see to find the best `width`: among four tokens there is
/// at most one that would repeat three.
#[must_use]
pub(super) fn candidates_needed(width: usize) -> usize {
    width + 1
}

impl Beam {
    /// The hypothesis without a token from which all of a prompt begin.
    pub(super) fn start(prompts: i64, device: Device) -> Result<Self, TchError> {
        let sequences = Tensor::f_full([prompts, 1, 1], BEGIN, (Kind::Int64, device))?;
        Ok(Self { sequences, log_probability: Tensor::f_zeros([prompts, 1], (Kind::Float, device))? })
    }

    /// The tokens of each hypothesis, `[B, hypotheses, tokens]`.
    pub(super) fn tokens(&self) -> Result<Tensor, TchError> {
        self.sequences.f_narrow(2, 1, self.sequences.size()[2] - 1)
    }

    /// The last token of each hypothesis, or the beginning, `[B, hypotheses]`.
    pub(super) fn last(&self) -> Result<Tensor, TchError> {
        self.sequences.f_select(2, -1)
    }

    /// The best `width` hypotheses of each prompt with one more token. `tokens` are the candidates of each hypothesis, best
    /// first, with their log-probabilities, both `[B, hypotheses, candidates]`. Of equals the one that goes on from the better
    /// hypothesis comes first. Gives beside it which hypothesis each goes on from, counted over the whole batch,
    /// `[B * width]`.
    pub(super) fn extend(
        &self,
        (tokens, log_probabilities): (&Tensor, &Tensor),
        width: usize,
    ) -> Result<(Self, Tensor), TchError> {
        let (hypotheses, candidates) = (tokens.size()[1], tokens.size()[2]);
        let allowed = self.without_repeats(tokens, log_probabilities)?;
        let extended = self.log_probability.f_unsqueeze(2)?.f_add(&allowed)?.f_flatten(1, 2)?;
        let (ordered, places) = extended.f_sort_stable(true, 1, true)?;
        let (log_probability, places) =
            (ordered.f_narrow(1, 0, width as i64)?, places.f_narrow(1, 0, width as i64)?);

        let parents = places.f_divide_scalar_mode(candidates, "floor")?;
        let length = self.sequences.size()[2];
        let before = parents.f_unsqueeze(2)?.f_expand([-1, -1, length], false)?;
        let before = self.sequences.f_gather(1, &before, false)?;
        let next = tokens.f_flatten(1, 2)?.f_gather(1, &places, false)?.f_unsqueeze(2)?;
        let sequences = Tensor::f_cat(&[before, next], 2)?;

        let firsts = Tensor::f_arange(parents.size()[0], (Kind::Int64, parents.device()))?;
        let firsts = firsts.f_multiply_scalar(hypotheses)?.f_unsqueeze(1)?;
        let parents = parents.f_add(&firsts)?.f_flatten(0, 1)?;
        Ok((Self { sequences, log_probability }, parents))
    }

    /// The log-probabilities of candidates; minus infinity where one would repeat three tokens in a row. The beginning counts
    /// as a token.
    fn without_repeats(&self, tokens: &Tensor, log_probabilities: &Tensor) -> Result<Tensor, TchError> {
        let length = self.sequences.size()[2];
        let place = |place: i64| self.sequences.f_select(2, place);
        let mut allowed = log_probabilities.shallow_clone();
        // A repeat of three has one token or more before its last two.
        for start in 0..length - 2 {
            let same = place(start)?.f_eq_tensor(&place(length - 2)?)?;
            let same = same.f_logical_and(&place(start + 1)?.f_eq_tensor(&place(length - 1)?)?)?;
            let third = tokens.f_eq_tensor(&place(start + 2)?.f_unsqueeze(2)?)?;
            allowed =
                allowed.f_masked_fill(&third.f_logical_and(&same.f_unsqueeze(2)?)?, f64::NEG_INFINITY)?;
        }
        Ok(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hypotheses of one prompt.
    fn beam(hypotheses: &[(&[i64], f32)]) -> Beam {
        let sequences = hypotheses.iter().flat_map(|(tokens, _)| [&[BEGIN], *tokens].concat());
        let log_probability: Vec<f32> = hypotheses.iter().map(|hypothesis| hypothesis.1).collect();
        let count = hypotheses.len() as i64;
        Beam {
            sequences: Tensor::from_slice(&sequences.collect::<Vec<_>>()).view([1, count, -1]),
            log_probability: Tensor::from_slice(&log_probability).view([1, count]),
        }
    }

    /// The best of what the candidates of each hypothesis make, each with its parent.
    fn extended(beam: &Beam, candidates: &[&[(i64, f32)]], width: usize) -> Vec<(Vec<i64>, f32, i64)> {
        let (tokens, log_probabilities): (Vec<i64>, Vec<f32>) = candidates.concat().into_iter().unzip();
        let shape = [1, candidates.len() as i64, -1];
        let (tokens, log_probabilities) =
            (Tensor::from_slice(&tokens).view(shape), Tensor::from_slice(&log_probabilities).view(shape));
        let (best, parents) = beam.extend((&tokens, &log_probabilities), width).unwrap();
        let tokens = Vec::<i64>::try_from(best.tokens().unwrap().flatten(0, -1)).unwrap();
        let log_probability = Vec::<f32>::try_from(best.log_probability.flatten(0, -1)).unwrap();
        let parents = Vec::<i64>::try_from(parents).unwrap();
        let each = tokens.chunks(tokens.len() / width).zip(log_probability).zip(parents);
        each.map(|((tokens, log_probability), parent)| (tokens.to_vec(), log_probability, parent)).collect()
    }

    #[test]
    fn a_worse_beginning_wins_when_what_follows_is_likely_enough() {
        let hypotheses = beam(&[(&[5], -1.0), (&[6], -1.5)]);
        let best = extended(&hypotheses, &[&[(7, -3.0), (8, -4.0)], &[(9, -0.5), (7, -2.0)]], 2);
        assert_eq!(best, [(vec![6, 9], -2.0, 1), (vec![6, 7], -3.5, 1)]);
    }

    #[test]
    fn three_tokens_never_follow_one_another_twice() {
        let next: &[(i64, f32)] = &[(5, -0.1), (6, -1.0)];
        let after = |tokens: &[i64]| extended(&beam(&[(tokens, 0.0)]), &[next], 1).remove(0).0;
        assert_eq!(after(&[5, 5, 5]), [5, 5, 5, 6]);
        assert_eq!(after(&[5, 5]), [5, 5, 5]);
        assert_eq!(after(&[4, 5, 5]), [4, 5, 5, 5]);
        assert_eq!(after(&[]), [5]);
        let begins_again: &[(i64, f32)] = &[(5, -0.1), (7, -1.0)];
        let after =
            extended(&beam(&[(&[5, BEGIN, 5], 0.0), (&[BEGIN, BEGIN, 9], -9.0)]), &[begins_again; 2], 1);
        assert_eq!(after[0].0, [5, BEGIN, 5, 5], "only three in the same order repeat");
        let again = extended(&beam(&[(&[BEGIN, BEGIN], 0.0)]), &[&[(BEGIN, -0.1), (7, -1.0)]], 1);
        assert_eq!(again[0].0, [BEGIN, BEGIN, 7], "the beginning is a token of three");
    }

    #[test]
    fn of_equals_the_better_hypothesis_goes_on() {
        let hypotheses = beam(&[(&[5], -1.0), (&[6], -2.0)]);
        let best = extended(&hypotheses, &[&[(7, -2.0)], &[(7, -1.0)]], 1);
        assert_eq!(best, [(vec![5, 7], -3.0, 0)]);
    }

    #[test]
    fn each_prompt_has_its_own_beam_and_parents_are_counted_over_the_batch() {
        let beam = Beam {
            sequences: Tensor::from_slice(&[0i64, 5, 0, 6, 0, 7, 0, 8]).view([2, 2, 2]),
            log_probability: Tensor::from_slice(&[-1f32, -2.0, -1.0, -2.0]).view([2, 2]),
        };
        let tokens = Tensor::from_slice(&[10i64, 11, 12, 13, 14, 15, 16, 17]).view([2, 2, 2]);
        let likely = Tensor::from_slice(&[-1f32, -5.0, -0.5, -5.0, -5.0, -6.0, -0.1, -0.2]).view([2, 2, 2]);
        let (best, parents) = beam.extend((&tokens, &likely), 2).unwrap();
        assert_eq!(Vec::<i64>::try_from(parents).unwrap(), [0, 1, 3, 3]);
        let last = Vec::<i64>::try_from(best.last().unwrap().flatten(0, -1)).unwrap();
        assert_eq!(last, [10, 12, 16, 17]);
    }
}
