//! Check that a network was trained for its task: the probability that it gives to valid answers.
//!
//! An OFA that was taught entailment and one that was taught grounding have the same tensors. They differ in what they
//! say: after its question the one gives nearly all probability to no, yes and maybe, the other to location bins.

use tch::{Kind, TchError, Tensor};

use super::serve::{OfaEntailer, OfaGrounder, entailing, grounding};
use super::{BEGIN, Encoded, Ofa};
use crate::scheduler::ModelError;
use crate::stages::entail;
use crate::stages::ground;

impl OfaEntailer {
    /// The probability of no, yes and maybe together, among all tokens.
    ///
    /// # Errors
    /// As a request would.
    pub fn share_of_answers(&self, request: &entail::Request) -> Result<f64, ModelError> {
        let _no_grad = tch::no_grad_guard();
        let mut reader = self.share.reader();
        let batch = reader.processor().prepare(&[entailing(request)])?;
        let read = self.share.read(&mut reader, batch);
        let share = read.and_then(|(tokens, encoded)| {
            let ofa = &reader.ofa;
            let prompt = tokens.f_narrow(1, 0, tokens.size()[1] - 1)?;
            let answers = Tensor::from_slice(&ofa.config().answers).to_device(tokens.device());
            next(ofa, &encoded, &prompt)?.f_index_select(0, &answers)?.f_sum(Kind::Float)?.f_double_value(&[])
        });
        Ok(share?)
    }
}

impl OfaGrounder {
    /// The probability of all location bins together, among all tokens, where the first is to come.
    ///
    /// # Errors
    /// As a request would.
    pub fn share_of_bins(&self, request: &ground::Request) -> Result<f64, ModelError> {
        let _no_grad = tch::no_grad_guard();
        let mut reader = self.share.reader();
        let batch = reader.processor().prepare(&[grounding(request)])?;
        let read = self.share.read(&mut reader, batch);
        let share = read.and_then(|(tokens, encoded)| {
            let ofa = &reader.ofa;
            let begin = Tensor::from_slice(&[BEGIN]).view([1, 1]).to_device(tokens.device());
            let (first, bins) = (ofa.config().first_bin, ofa.config().bins);
            next(ofa, &encoded, &begin)?.f_narrow(0, first, bins)?.f_sum(Kind::Float)?.f_double_value(&[])
        });
        Ok(share?)
    }
}

/// The probability of each token after those of the one row of `before`, `[vocabulary]`.
fn next(ofa: &Ofa, encoded: &Encoded, before: &Tensor) -> Result<Tensor, TchError> {
    ofa.decode(encoded, before, false).f_select(1, -1)?.f_squeeze_dim(0)?.f_softmax(-1, Kind::Float)
}
