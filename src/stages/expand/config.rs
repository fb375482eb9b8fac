//! Settings of expansion.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::llm::cached::Degrade;

/// The settings of expansion.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The sources in order; the first with an expansion is used.
    pub sources: Vec<SourceName>,
    /// The lexicon file; empty: that of the bundle.
    pub lexicon: PathBuf,
    /// Files of published answers, in order; the first with an expansion is used.
    pub files: Vec<PathBuf>,
    /// The endpoints of `[llm]`.
    pub endpoints: Vec<String>,
    /// Whether all endpoints are asked, or one after another.
    pub mix: Mix,
    /// How much of the post a question contains.
    pub scope: Scope,
    /// The file of the question's wording; empty: the built-in one.
    pub prompt: PathBuf,
    /// What happens to a post if the endpoints fail.
    pub degrade: Degrade,
}

/// A source of expansions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceName {
    /// The lexicon file.
    Lexicon,
    /// Files of published answers.
    File,
    /// Language models, behind the answer cache.
    Llm,
}

/// How several endpoints are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// The next endpoint is asked if one fails or has no answer.
    First,
    /// All endpoints are asked concurrently; the first answer gives the phrase, and the output contains all answers.
    All,
}
