//! Why is there no annotation? A network that did not reply, or a language model that had to.

use crate::scheduler::CallError;
use crate::stages::expand::NoExpansion;
use crate::stages::knowledge::NoKnowledge;

/// What kept a post from its annotation.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AnnotateError {
    /// A network did not reply.
    #[error(transparent)]
    Network(#[from] CallError),
    /// No language model said what an entity looks like.
    #[error(transparent)]
    NoExpansion(#[from] NoExpansion),
    /// No language model said what the tagger should know.
    #[error(transparent)]
    NoKnowledge(#[from] NoKnowledge),
}
