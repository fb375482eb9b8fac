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
