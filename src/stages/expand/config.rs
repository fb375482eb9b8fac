//! Who may be asked what an entity looks like, and how?

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::llm::cached::Degrade;

/// The settings of expansion.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who is asked, the first that knows is believed.
    pub sources: Vec<SourceName>,
    /// A lexicon to use instead of the bundle's own; empty: the bundle's.
    pub lexicon: PathBuf,
    /// The endpoints of `[llm]` that are asked.
    pub endpoints: Vec<String>,
    /// Whether all endpoints are asked, or one after another until one knows.
    pub mix: Mix,
    /// How much of the post a question holds.
    pub scope: Scope,
    /// What becomes of a post whose entities no endpoint expanded for a fault.
    pub degrade: Degrade,
}

/// Someone who may know what an entity looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceName {
    /// A file.
    Lexicon,
    /// Language models, behind the cache of answers.
    Llm,
}

/// What several endpoints are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// The next is asked where one fails or does not know.
    First,
    /// All are asked side by side; the first that knows gives the phrase, and the output has what each said.
    All,
}
