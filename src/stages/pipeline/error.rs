//! Errors of the pipeline: a network failed, or a language model that the settings demand gave no answer.

use crate::domain::Stage;
use crate::llm::cached::NoAnswer;
use crate::scheduler::CallError;
use crate::stages::expand::NoExpansion;
use crate::stages::knowledge::NoKnowledge;
use crate::stages::link::NoLink;

/// Why a post has no annotation.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AnnotateError {
    /// A call to a network failed.
    #[error(transparent)]
    Network(#[from] CallError),
    /// No language model expanded an entity.
    #[error(transparent)]
    NoExpansion(#[from] NoExpansion),
    /// No language model said which entity a name means.
    #[error(transparent)]
    NoLink(#[from] NoLink),
    /// No language model gave knowledge for the tagger.
    #[error(transparent)]
    NoKnowledge(#[from] NoKnowledge),
    /// No vision model answered for a stage.
    #[error(transparent)]
    NoLook(#[from] NoLook),
}

/// The settings demand an answer of a vision model for a stage, and there was none.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no vision model answered for the stage `{stage}`")]
pub struct NoLook {
    /// The stage.
    pub stage: Stage,
    /// The cause.
    #[source]
    pub source: NoAnswer,
}
