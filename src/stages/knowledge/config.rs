//! What may the tagger be told, and by whom?

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::llm::cached::Degrade;

/// The settings of auxiliary knowledge.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which examples a question shows, or that none is asked.
    pub mode: Mode,
    /// The endpoint of `[llm]` that is asked.
    pub endpoint: String,
    /// The file of annotated examples; empty: those of the bundle.
    pub examples: PathBuf,
    /// How many examples a question shows.
    pub shown: usize,
    /// What becomes of a post about which the endpoint said nothing for a fault.
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
    /// Nobody is asked: the tagger reads the text alone.
    Off,
    /// The first of the file, for every post.
    Fixed,
    /// Those whose text and picture are most similar to the post's.
    Similar,
}
