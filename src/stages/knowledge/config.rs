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
    /// The file of answers that are used instead of asking; empty: none.
    pub file: PathBuf,
    /// The endpoint of `[llm]`.
    pub endpoint: String,
    /// The file of annotated examples; empty: that of the bundle.
    pub examples: PathBuf,
    /// How many examples a question shows; 0: none, and no file of examples is needed.
    pub shown: usize,
    /// The file of the question's wording; empty: the built-in one.
    pub prompt: PathBuf,
    /// What happens to a post if the endpoint fails.
    pub degrade: Degrade,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let is_within = (0..=50).contains(&self.shown);
        if is_within { Vec::new() } else { vec![("shown", "must be 0 to 50".to_owned())] }
    }
}

impl Config {
    /// Whether questions show examples that are chosen for each post.
    #[must_use]
    pub fn retrieves(&self) -> bool {
        self.mode == Mode::Similar && self.shown > 0
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
