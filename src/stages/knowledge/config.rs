//! Settings of knowledge for the tagger.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::llm::cached::Degrade;

/// The settings of auxiliary knowledge.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which examples a question shows, or `off`.
    pub mode: Mode,
    /// The endpoint of `[llm]`.
    pub endpoint: String,
    /// The file of annotated examples; empty: that of the bundle.
    pub examples: PathBuf,
    /// How many examples a question shows.
    pub shown: usize,
    /// What happens to a post if the endpoint fails.
    pub degrade: Degrade,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let is_within = (1..=50).contains(&self.shown);
        if is_within { Vec::new() } else { vec![("shown", "must be 1 to 50".to_owned())] }
    }
}

/// Which examples a question shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// No knowledge: the tagger reads the text alone.
    Off,
    /// The first examples of the file, for every post.
    Fixed,
    /// The examples whose text and picture are most similar to the post's.
    Similar,
}
