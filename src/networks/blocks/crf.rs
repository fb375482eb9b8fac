//! A linear-chain conditional random field: scores of label sequences, the best one, and how sure each label is.
//!
//! The mathematics of `pytorch-crf` 0.7.2, so that its checkpoints mean the same here: a start score, an end score
//! and a score for each step from one label to the next, no forbidden steps.

use serde::{Deserialize, Serialize};
use tch::nn;
use tch::{Device, Kind, Tensor};

use super::forward_backward::{self, Scores};

/// Over which words the field runs where a text is read together with what is known of it.
///
/// Either way the encoder reads all of them, and only the text's own words are answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrfScope {
    /// Over the text and what is known, as AdaSeq with the changes of PGIM's authors; so were published taggers taught.
    #[default]
    Whole,
    /// Over the words of the text alone, as AdaSeq itself and as RiVEG's authors write.
    Tweet,
}

/// The parameters as the network trains them.
#[derive(Debug)]
pub struct Crf {
    start_transitions: Tensor,
    end_transitions: Tensor,
    /// `[from, to]`.
    transitions: Tensor,
    labels: i64,
}

impl Crf {
    /// Registers the parameters under `vs`, small and random: in single precision whatever the network computes in, for
    /// the scores of whole sequences are sums of them.
    #[must_use]
    pub fn new(vs: &nn::Path, labels: i64) -> Self {
        let drawn = |name: &str, size: &[i64]| {
            let init = nn::Init::Uniform { lo: -0.1, up: 0.1 };
            vs.add(name, nn::init(init, size, vs.device()), true)
        };
        Self {
            start_transitions: drawn("start_transitions", &[labels]),
            end_transitions: drawn("end_transitions", &[labels]),
            transitions: drawn("transitions", &[labels, labels]),
            labels,
        }
    }

    /// The log-likelihood of each sequence of labels, `[B]`, at most 0.
    ///
    /// `emissions` is `[B, W, labels]`, `tags` is `[B, W]` of `Int64` (any valid label where the mask is false), `mask`
    /// is `[B, W]` of `Bool`: true for the words of a row, which come first and are at least one.
    pub fn log_likelihood(&self, emissions: &Tensor, tags: &Tensor, mask: &Tensor) -> Tensor {
        self.score(emissions, tags, mask) - self.normaliser(emissions, mask)
    }

    /// The best labels of each row (Viterbi), as many as the row has words; the first of equal ones.
    #[must_use]
    pub fn decode(&self, emissions: &Tensor, mask: &Tensor) -> Vec<Vec<usize>> {
        let chain = self.chain();
        self.rows(emissions, mask).iter().map(|row| chain.best(row)).collect()
    }

    /// The probability of each label at each word given the whole row: for each row, `words * labels` numbers, word by
    /// word.
    #[must_use]
    pub fn posteriors(&self, emissions: &Tensor, mask: &Tensor) -> Vec<Vec<f32>> {
        let chain = self.chain();
        self.rows(emissions, mask).iter().map(|row| chain.posteriors(row)).collect()
    }

    /// Where the parameters are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.transitions.device()
    }

    /// The parameters as plain numbers, which is how decoding runs: a step of it is too small for a device.
    #[must_use]
    pub fn chain(&self) -> Chain {
        Chain {
            start: to_floats(&self.start_transitions),
            end: to_floats(&self.end_transitions),
            step: to_floats(&self.transitions),
        }
    }

    /// The score of the given labels, `[B]`.
    fn score(&self, emissions: &Tensor, tags: &Tensor, mask: &Tensor) -> Tensor {
        let weight = mask.to_kind(emissions.kind());
        let words = tags.size()[1];
        let (from, to) = (tags.narrow(1, 0, words - 1), tags.narrow(1, 1, words - 1));
        let steps = self.transitions.flatten(0, 1).take(&(&from * self.labels + &to));
        let emitted = emissions.gather(2, &tags.unsqueeze(2), false).squeeze_dim(2);
        let last = mask.to_kind(Kind::Int64).sum_dim_intlist(1, true, Kind::Int64) - 1;
        self.start_transitions.take(&tags.select(1, 0))
            + self.end_transitions.take(&tags.gather(1, &last, false).squeeze_dim(1))
            + (emitted * &weight).sum_dim_intlist(1, false, None)
            + (steps * weight.narrow(1, 1, words - 1)).sum_dim_intlist(1, false, None)
    }

    /// The logarithm of the sum over all label sequences, `[B]`.
    fn normaliser(&self, emissions: &Tensor, mask: &Tensor) -> Tensor {
        let mut alpha = &self.start_transitions + emissions.select(1, 0);
        for word in 1..emissions.size()[1] {
            let next =
                (alpha.unsqueeze(2) + &self.transitions).logsumexp(1, false) + emissions.select(1, word);
            alpha = next.where_self(&mask.select(1, word).unsqueeze(1), &alpha);
        }
        (alpha + &self.end_transitions).logsumexp(1, false)
    }

    /// The emissions of each row's own words, on the CPU.
    fn rows(&self, emissions: &Tensor, mask: &Tensor) -> Vec<Vec<f32>> {
        let words = mask.to_kind(Kind::Int64).sum_dim_intlist(1, false, Kind::Int64);
        (0..emissions.size()[0])
            .map(|row| to_floats(&emissions.get(row).narrow(0, 0, words.int64_value(&[row]))))
            .collect()
    }
}

/// The same parameters as plain numbers.
#[derive(Debug, Clone)]
pub struct Chain {
    start: Vec<f32>,
    end: Vec<f32>,
    /// `step[from * labels + to]`.
    step: Vec<f32>,
}

impl Chain {
    /// A chain that only forbids: which label may follow which, with none before the first word and after the last.
    #[must_use]
    pub fn of_rules(labels: usize, may_follow: impl Fn(Option<usize>, Option<usize>) -> bool) -> Self {
        let score = |from, to| if may_follow(from, to) { 0.0 } else { f32::NEG_INFINITY };
        let steps = (0..labels).flat_map(|from| (0..labels).map(move |to| (from, to)));
        Self {
            start: (0..labels).map(|to| score(None, Some(to))).collect(),
            end: (0..labels).map(|from| score(Some(from), None)).collect(),
            step: steps.map(|(from, to)| score(Some(from), Some(to))).collect(),
        }
    }

    /// The best labels for one text (Viterbi), the first of equal ones.
    ///
    /// `emissions` holds a score for each label, word by word; anything after the last whole word is not read.
    #[must_use]
    pub fn best(&self, emissions: &[f32]) -> Vec<usize> {
        let labels = self.start.len();
        let mut words = emissions.chunks_exact(labels);
        let Some(first) = words.next() else { return Vec::new() };
        let mut score: Vec<f32> =
            self.start.iter().zip(first).map(|(start, emission)| start + emission).collect();
        let mut origins = Vec::with_capacity(emissions.len() / labels);
        for word in words {
            // The order of the additions is that of `pytorch-crf`, so that ties fall alike.
            let (best, origin): (Vec<f32>, Vec<usize>) = (0..labels)
                .map(|to| {
                    let through =
                        (0..labels).map(|from| score[from] + self.step[from * labels + to] + word[to]);
                    first_max(through)
                })
                .unzip();
            score = best;
            origins.push(origin);
        }
        let (_, mut label) = first_max(score.iter().zip(&self.end).map(|(score, end)| score + end));
        let mut path = vec![label];
        for origin in origins.iter().rev() {
            label = origin[label];
            path.push(label);
        }
        path.reverse();
        path
    }

    /// The probability of each label at each word given the whole text (forward-backward), laid out as `emissions`.
    #[must_use]
    pub fn posteriors(&self, emissions: &[f32]) -> Vec<f32> {
        let Self { start, end, step } = self;
        forward_backward::posteriors(Scores { start, end, step }, emissions)
    }
}

/// The largest value and where it stands first.
fn first_max(values: impl Iterator<Item = f32>) -> (f32, usize) {
    let start = (f32::NEG_INFINITY, 0);
    values.enumerate().fold(start, |best, (index, value)| if value > best.0 { (value, index) } else { best })
}

fn to_floats(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous().view([-1]);
    Vec::<f32>::try_from(&flat).expect("a flat tensor of 32-bit floats is a vector of them")
}
