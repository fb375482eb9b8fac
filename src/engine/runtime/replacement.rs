//! Replacement: what a running engine takes from new settings, read from its files before anything changes.

use crate::domain::EntityType;
use crate::engine::Config;
use crate::networks::bundle::Bundle;
use crate::stages::knowledge::KnowledgePrompt;
use crate::stages::pipeline::Names;
use crate::stages::vision::VisionPrompt;

use super::endpoints::{Endpoints, knowledge_prompt};
use super::error::RuntimeError;
use super::expander_and_linker::expander_and_linker;
use super::expansions::Expansions;
use super::{Runtime, looks};

/// Lexicon and wordings of some settings.
pub struct Replacement {
    /// Linker and expander with their lexicon and wordings.
    pub names: Names,
    knowledge: KnowledgePrompt,
    vision: VisionPrompt,
}

impl Replacement {
    /// Reads the files of the settings.
    ///
    /// # Errors
    /// Which of them cannot be used.
    pub fn read(
        bundle: &Bundle,
        config: &Config,
        expansions: Expansions,
        endpoints: &Endpoints,
    ) -> Result<Self, RuntimeError> {
        let (expander, linker) = expander_and_linker(bundle, config, expansions, endpoints)?;
        let types: Vec<EntityType> =
            bundle.manifest().entity_types.iter().map(|name| EntityType::new(name)).collect();
        Ok(Self {
            names: Names { linker, expander },
            knowledge: knowledge_prompt(&config.knowledge, &types)?,
            vision: looks::prompt(&config.vision)?,
        })
    }
}

impl Runtime {
    /// Puts a replacement into force for the posts that come.
    pub fn replace(&self, replacement: Replacement) {
        let Replacement { names, knowledge, vision } = replacement;
        self.pipeline.names.set(names);
        if let Some(generator) = &self.pipeline.knowledge {
            generator.prompt.set(knowledge);
        }
        self.vision_prompt.set(vision);
    }
}
