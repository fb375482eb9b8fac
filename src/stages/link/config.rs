//! Settings of links, the section `link`: who links names to real entities.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::llm::cached::Degrade;

/// Settings of links.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// The sources in order; the first that decides is used. None: no name is linked.
    pub sources: Vec<LinkSource>,
    /// The endpoints of `[llm]`, asked one after another until one answers.
    pub endpoints: Vec<String>,
    /// The file of the question's wording; empty: the built-in one.
    pub prompt: PathBuf,
    /// What happens to a post if the endpoints fail.
    pub degrade: Degrade,
}

/// A source of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkSource {
    /// The lexicon, for names that can mean one entity alone.
    Lexicon,
    /// Language models, which choose among the lexicon's candidates, behind the answer cache.
    Llm,
}

impl LinkConfig {
    /// Whether language models are asked.
    #[must_use]
    pub fn asks_models(&self) -> bool {
        self.sources.contains(&LinkSource::Llm)
    }
}
