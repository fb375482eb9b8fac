//! Settings of vision models that answer for stages.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::Stage;
use crate::llm::cached::Degrade;

/// Which stages a vision model answers for.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The endpoint of `[llm]` that is the gate; empty: the bundle's network.
    pub entail: String,
    /// The endpoint of `[llm]` that is the grounder; empty: the bundle's network.
    pub ground: String,
    /// The file of the wording; empty: the one that ships.
    pub prompt: PathBuf,
    /// What happens to a post if the endpoint fails.
    pub degrade: Degrade,
}

impl Config {
    /// Whether any stage is answered by a vision model.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.entail.is_empty() || !self.ground.is_empty()
    }

    /// The endpoint that answers for a stage.
    #[must_use]
    pub fn endpoint_of(&self, stage: Stage) -> Option<&str> {
        let name = match stage {
            Stage::Entail => &self.entail,
            Stage::Ground => &self.ground,
            Stage::Retrieve | Stage::Recognise | Stage::Segment => return None,
        };
        (!name.is_empty()).then_some(name)
    }

    /// Whether one question is asked for gate and box.
    #[must_use]
    pub fn is_one_question(&self) -> bool {
        !self.entail.is_empty() && self.entail == self.ground
    }
}
