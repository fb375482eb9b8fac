//! Import request and its outcome.

use std::path::PathBuf;

use super::type_map::TypeMap;
use crate::domain::Stage;
use crate::networks::checkpoint::{Float, Report};

/// What is imported.
#[derive(Debug, Clone)]
pub struct Import {
    /// For which stage.
    pub stage: Stage,
    /// The published file.
    pub from: PathBuf,
    /// The published size, such as `ofa-large`; none where `network` has all dimensions.
    pub preset: Option<String>,
    /// The [`Recipe`](super::Recipe) of the network's training, which sets the question and the phrases; none: the question
    /// that the checkpoint's kind decides, and the phrases as they are.
    pub recipe: Option<String>,
    /// Dimensions that differ from the preset's, or all.
    pub network: toml::Table,
    /// The network's vocabulary, a folder or files, as [`vocabulary`](crate::stages::vocabulary) reads them; none for the
    /// segmenter.
    pub tokenizer: Vec<PathBuf>,
    /// In what the weights are stored; as published if not given.
    pub stored: Option<Float>,
    /// What the user says of a tagger's labels.
    pub labels: GivenLabels,
    /// Anything else of the stage, such as `prompt`, `threshold`, `beam`, `precision`.
    pub settings: toml::Table,
}

/// What a user says of a tagger's labels.
#[derive(Debug, Clone, Default)]
pub struct GivenLabels {
    /// The entity types, in the order of the labels.
    pub types: Vec<String>,
    /// All labels, by row.
    pub labels: Vec<String>,
    /// Which types entities have.
    pub map: TypeMap,
}

/// The outcome of an import.
#[derive(Debug)]
pub struct Imported {
    /// The tensors.
    pub report: Report,
    /// What was decided for the user, and what looks wrong.
    pub notes: Vec<String>,
}

/// What a stage's weights are called, after the stage.
pub(super) const WEIGHTS: &str = ".safetensors";
/// What a stage's tokenizer is called, after the stage.
pub(super) const TOKENIZER: &str = ".tokenizer.json";
