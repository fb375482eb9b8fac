//! Beam search: one step, over plain numbers.
//!
//! As fairseq's generator does it for four location tokens: no token is forced, no three tokens follow one another
//! twice, and the end's own probability counts towards the order of the finished sequences.

/// A sequence of tokens, without the beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hypothesis {
    /// Its tokens.
    pub(super) tokens: Vec<i64>,
    /// The log-probability of all of them.
    pub(super) log_probability: f32,
    /// The hypothesis one token ago that it goes on from.
    pub(super) parent: usize,
}

/// A token that could come next, and its log-probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Which token.
    pub(super) token: i64,
    /// How likely it is after the hypothesis.
    pub(super) log_probability: f32,
}

/// How many candidates of each hypothesis [`extend`] must see to find the best `width`: among four tokens there is at
/// most one that would repeat three.
#[must_use]
pub(super) fn candidates_needed(width: usize) -> usize {
    width + 1
}

/// The hypothesis from which all begin.
#[must_use]
pub(super) fn start() -> Hypothesis {
    Hypothesis { tokens: Vec::new(), log_probability: 0.0, parent: 0 }
}

/// The best `width` of all hypotheses with one more token; `candidates` has those of each hypothesis, best first.
/// Of equals the one that goes on from the better hypothesis comes first.
#[must_use]
pub(super) fn extend(
    hypotheses: &[Hypothesis],
    candidates: &[Vec<Candidate>],
    width: usize,
) -> Vec<Hypothesis> {
    let mut extended: Vec<Hypothesis> = Vec::new();
    for (parent, (hypothesis, next)) in hypotheses.iter().zip(candidates).enumerate() {
        let allowed = next.iter().filter(|candidate| !repeats(&hypothesis.tokens, candidate.token));
        extended.extend(allowed.take(width).map(|candidate| {
            let mut tokens = hypothesis.tokens.clone();
            tokens.push(candidate.token);
            let log_probability = hypothesis.log_probability + candidate.log_probability;
            Hypothesis { tokens, log_probability, parent }
        }));
    }
    extended.sort_by(|left, right| right.log_probability.total_cmp(&left.log_probability));
    extended.truncate(width);
    extended
}

/// Whether `next` after `tokens` would repeat three tokens in a row; the beginning counts as one, before all others.
fn repeats(tokens: &[i64], next: i64) -> bool {
    let [.., before, last] = tokens else { return false };
    let sequence: Vec<i64> = std::iter::once(super::config::BEGIN).chain(tokens.iter().copied()).collect();
    sequence.windows(3).any(|three| three == [*before, *last, next])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(of: &[(i64, f32)]) -> Vec<Candidate> {
        of.iter().map(|&(token, log_probability)| Candidate { token, log_probability }).collect()
    }

    fn hypothesis(tokens: &[i64], log_probability: f32) -> Hypothesis {
        Hypothesis { tokens: tokens.to_vec(), log_probability, parent: 0 }
    }

    #[test]
    fn a_worse_beginning_wins_when_what_follows_is_likely_enough() {
        let hypotheses = [hypothesis(&[5], -1.0), hypothesis(&[6], -1.5)];
        let next = [candidates(&[(7, -3.0), (8, -4.0)]), candidates(&[(9, -0.5), (7, -2.0)])];
        let best = extend(&hypotheses, &next, 2);
        assert_eq!(best[0], Hypothesis { tokens: vec![6, 9], log_probability: -2.0, parent: 1 });
        assert_eq!(best[1].tokens, [6, 7]);
    }

    #[test]
    fn three_tokens_never_follow_one_another_twice() {
        let next = [candidates(&[(5, -0.1), (6, -1.0)])];
        assert_eq!(extend(&[hypothesis(&[5, 5, 5], 0.0)], &next, 1)[0].tokens, [5, 5, 5, 6]);
        assert_eq!(extend(&[hypothesis(&[5, 5], 0.0)], &next, 1)[0].tokens, [5, 5, 5]);
        assert_eq!(extend(&[hypothesis(&[4, 5, 5], 0.0)], &next, 1)[0].tokens, [4, 5, 5, 5]);
    }

    #[test]
    fn of_equals_the_better_hypothesis_goes_on() {
        let hypotheses = [hypothesis(&[5], -1.0), hypothesis(&[6], -2.0)];
        let next = [candidates(&[(7, -2.0)]), candidates(&[(7, -1.0)])];
        assert_eq!(extend(&hypotheses, &next, 1)[0].parent, 0);
    }
}
