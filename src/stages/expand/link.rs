//! The section `link` of the configuration: who links names to real entities.

use serde::{Deserialize, Serialize};

/// Settings of links.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// The sources of IRIs. None: no name is linked.
    pub sources: Vec<LinkSource>,
}

/// A source of IRIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkSource {
    /// The lexicon, for names that can mean one entity alone.
    Lexicon,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { sources: vec![LinkSource::Lexicon] }
    }
}
