//! Queries of MQSPN: learnt vectors, each beginning from the prompt of an entity type, with a position of its own.

use tch::Tensor;
use tch::nn::{self, Init, Module};

use super::MqspnConfig;

/// The queries before they have seen anything.
#[derive(Debug)]
pub(super) struct Queries {
    entities: Tensor,
    prompts: Tensor,
    norm: nn::LayerNorm,
    positions: Tensor,
    position_norm: nn::LayerNorm,
}

impl Queries {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let width = config.hidden;
        let table = |name: &str, rows: i64| {
            (vs / name).var("weight", &[rows, width], Init::Randn { mean: 0.0, stdev: 1.0 })
        };
        let norm = |name: &str| nn::layer_norm(vs / name, vec![width], nn::LayerNormConfig::default());
        Self {
            entities: table("entity_embeddings", config.queries),
            prompts: table("type_prompts", config.types),
            norm: norm("LayerNorm"),
            positions: table("position_embeddings", config.queries),
            position_norm: norm("position_LayerNorm"),
        }
    }

    /// `[1, Q, d]`. Types take turns, so that each has as many queries as the others, or one more.
    pub(super) fn states(&self) -> Tensor {
        let (queries, types) = (self.entities.size()[0], self.prompts.size()[0]);
        let of_types = self.prompts.repeat([queries.div_euclid(types) + 1, 1]).narrow(0, 0, queries);
        self.norm.forward(&(&self.entities + of_types)).unsqueeze(0)
    }

    /// `[1, Q, d]`: added where queries ask.
    pub(super) fn positions(&self) -> Tensor {
        self.position_norm.forward(&self.positions).unsqueeze(0)
    }
}
