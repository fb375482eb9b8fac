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
    /// The endpoint of `[llm]` that answers for all stages before the segmenter, in one question a post; empty: stage by
    /// stage.
    pub post: String,
    /// The file of the wording; empty: the one that ships.
    pub prompt: PathBuf,
    /// What happens to a post if the endpoint fails.
    pub degrade: Degrade,
}

impl Config {
    /// Whether any stage is answered by a vision model.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.entail.is_empty() || !self.ground.is_empty() || self.is_end_to_end()
    }

    /// Whether a vision model answers for all stages before the segmenter.
    #[must_use]
    pub fn is_end_to_end(&self) -> bool {
        !self.post.is_empty()
    }

    /// Range faults: the key within the section, and why its value cannot work.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let is_clear = !self.is_end_to_end() || (self.entail.is_empty() && self.ground.is_empty());
        let message = "answers for gate and grounder too: `vision.entail` and `vision.ground` must be empty";
        if is_clear { Vec::new() } else { vec![("post", message.to_owned())] }
    }

    /// The endpoint that answers for a stage.
    #[must_use]
    pub fn endpoint_of(&self, stage: Stage) -> Option<&str> {
        let name = match stage {
            Stage::Recognise | Stage::Entail | Stage::Ground if self.is_end_to_end() => &self.post,
            Stage::Entail => &self.entail,
            Stage::Ground => &self.ground,
            Stage::Retrieve | Stage::Recognise | Stage::Segment => return None,
        };
        (!name.is_empty()).then_some(name)
    }

    /// What one question to the models asks for, where it is more than one stage's answer.
    #[must_use]
    pub fn one_question(&self) -> Option<&'static str> {
        if self.is_end_to_end() {
            return Some("one question for entities, types and boxes of a post");
        }
        (!self.entail.is_empty() && self.entail == self.ground).then_some("one question for gate and box")
    }
}
