//! Heads of MQSPN: for each query the boundaries of an entity, its region and its type.

use tch::Tensor;
use tch::nn::{self, Module};

use super::MqspnConfig;
use super::fusion::{Open, States};

/// What is answered where there is no word or no candidate: a probability of 0.
const CLOSED: f64 = -1e4;

/// What the queries answer, as logits.
#[derive(Debug)]
pub struct Predictions {
    /// The first word of the entity, `[B, Q, W]`; sigmoids.
    pub left: Tensor,
    /// The last word, `[B, Q, W]`; sigmoids.
    pub right: Tensor,
    /// The region, `[B, Q, 1 + R]`, of which the first is none; sigmoids.
    pub regions: Tensor,
    /// The type, `[B, Q, 1 + types]`, of which the first is that there is no entity; a softmax.
    pub types: Tensor,
}

/// The heads.
#[derive(Debug)]
pub(super) struct Heads {
    left: Pointer,
    right: Pointer,
    region: Pointer,
    query: nn::Linear,
    types: nn::Linear,
}

impl Heads {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let width = config.hidden;
        Self {
            left: Pointer::new(&(vs / "left"), width),
            right: Pointer::new(&(vs / "right"), width),
            region: Pointer::new(&(vs / "region"), width),
            query: nn::linear(vs / "entity_type" / "query", width, width, Default::default()),
            types: nn::linear(
                vs / "entity_type" / "classifier",
                3 * width,
                1 + config.types,
                Default::default(),
            ),
        }
    }

    pub(super) fn forward(&self, states: &States, open: &Open) -> Predictions {
        let States { words, regions, queries } = states;
        let left = self.left.forward(words, queries, &open.words);
        let right = self.right.forward(words, queries, &open.words);
        // The words at both boundaries, as far as they are meant: [B, Q, W] by [B, W, d].
        let at = |pointed: &Tensor| pointed.sigmoid().matmul(words);
        let all = Tensor::cat(&[self.query.forward(queries), at(&left), at(&right)], 2);
        Predictions {
            types: self.types.forward(&all.relu()),
            regions: self.region.forward(regions, queries, &open.regions),
            left,
            right,
        }
    }
}

/// Says of each pair of a query and a word or region whether they belong together.
#[derive(Debug)]
struct Pointer {
    pointed: nn::Linear,
    query: nn::Linear,
    score: nn::Linear,
}

impl Pointer {
    fn new(vs: &nn::Path, width: i64) -> Self {
        let linear = |name: &str| nn::linear(vs / name, width, width, Default::default());
        let unbiased = nn::LinearConfig { bs_init: Some(nn::Init::Const(0.0)), ..Default::default() };
        Self {
            pointed: linear("pointed"),
            query: linear("query"),
            score: nn::linear(vs / "score", width, 1, unbiased),
        }
    }

    /// `[B, n, d]` and `[B, Q, d]` to `[B, Q, n]`; `open` is `[B, 1, 1, n]`.
    fn forward(&self, pointed: &Tensor, queries: &Tensor, open: &Tensor) -> Tensor {
        let pairs = self.pointed.forward(pointed).unsqueeze(1) + self.query.forward(queries).unsqueeze(2);
        let scores = self.score.forward(&pairs.relu()).squeeze_dim(-1);
        scores.masked_fill(&open.squeeze_dim(1).logical_not(), CLOSED)
    }
}
