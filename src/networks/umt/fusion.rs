//! Cross attention between words and cells. A layer of BERT whose queries and keys may come from different sides.

use tch::Tensor;
use tch::nn;

use crate::networks::blocks::bert::{Attention, BertConfig, FeedForward};

/// Attention and a feed-forward layer.
#[derive(Debug)]
pub(super) struct Layer {
    attention: Attention,
    feed_forward: FeedForward,
}

impl Layer {
    pub(super) fn new(vs: &nn::Path, config: &BertConfig) -> Self {
        Self {
            attention: Attention::new(&(vs / "attention"), config, config.hidden),
            feed_forward: FeedForward::new(vs, config),
        }
    }

    /// `[B, n, hidden]` after a look at `others` `[B, m, hidden]`; `open` broadcasts to `[B, heads, n, m]`, all of the
    /// others where there is none.
    pub(super) fn forward(
        &self,
        states: &Tensor,
        others: &Tensor,
        open: Option<&Tensor>,
        dropout: f64,
    ) -> Tensor {
        let looked = self.attention.forward(states, &self.attention.memory(others), open, dropout);
        self.feed_forward.forward(&looked, dropout)
    }
}
