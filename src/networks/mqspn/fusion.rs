//! Query-guided fusion: words, regions and queries see each other, so that a query gathers the words and the region of one
//! entity.

use tch::Tensor;
use tch::nn;

use super::MqspnConfig;
use super::picture::PictureLayer;
use crate::networks::blocks::bert::{Attention, FeedForward};

/// One layer of the fusion.
#[derive(Debug)]
pub(super) struct FusionLayer {
    words: (Attention, FeedForward),
    regions: PictureLayer,
    among: Attention,
    at_words: Attention,
    at_regions: Attention,
    feed_forward: FeedForward,
}

/// Words, regions and queries, as they are after a layer.
#[derive(Debug)]
pub(super) struct States {
    /// `[B, W, d]`.
    pub(super) words: Tensor,
    /// `[B, 1 + R, d]`, of which the first is no region.
    pub(super) regions: Tensor,
    /// `[B, Q, d]`.
    pub(super) queries: Tensor,
}

/// What may be looked at.
#[derive(Debug)]
pub(super) struct Open {
    /// `[B, 1, 1, W]` of `Bool`.
    pub(super) words: Tensor,
    /// `[B, 1, 1, 1 + R]` of `Bool`.
    pub(super) regions: Tensor,
    /// Both, the words first.
    pub(super) both: Tensor,
}

impl FusionLayer {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let text = config.text();
        let attention = |name: &str| Attention::new(&(vs / name), &text, config.hidden);
        let words = vs / "words";
        Self {
            words: (
                Attention::new(&(&words / "attention"), &text, config.hidden),
                FeedForward::new(&words, &text),
            ),
            regions: PictureLayer::new(&(vs / "regions"), config),
            among: attention("among_queries"),
            at_words: attention("at_words"),
            at_regions: attention("at_regions"),
            feed_forward: FeedForward::new(&(vs / "queries"), &text),
        }
    }

    /// `positions` is `[1, Q, d]`: added to queries where they ask.
    pub(super) fn forward(&self, states: &States, positions: &Tensor, open: &Open, dropout: f64) -> States {
        let (attention, feed_forward) = &self.words;
        let memory = attention.memory(&states.words);
        let regions = self.regions.forward(&states.regions, Some(&memory), Some(&open.both));
        let words = attention.forward(&states.words, &memory, Some(&open.words), dropout);
        let words = feed_forward.forward(&words, dropout);

        let mut queries = states.queries.shallow_clone();
        let asking = &queries + positions;
        queries = self.among.forward_asking(&asking, &queries, &self.among.memory(&asking), None, dropout);
        for (attention, seen, open) in
            [(&self.at_words, &words, &open.words), (&self.at_regions, &regions, &open.regions)]
        {
            let asking = &queries + positions;
            queries =
                attention.forward_asking(&asking, &queries, &attention.memory(seen), Some(open), dropout);
        }
        States { queries: self.feed_forward.forward(&queries, dropout), words, regions }
    }
}
