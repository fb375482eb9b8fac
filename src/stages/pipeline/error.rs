//! Why is there no annotation? A network that did not reply, or a language model that had to.

use crate::scheduler::CallError;
use crate::stages::expand::NotTold;
use crate::stages::knowledge::NotKnown;

/// What kept a post from its annotation.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AnnotateError {
    /// A network did not reply.
    #[error(transparent)]
    Network(#[from] CallError),
    /// No language model said what an entity looks like.
    #[error(transparent)]
    NotTold(#[from] NotTold),
    /// No language model said what the tagger should know.
    #[error(transparent)]
    NotKnown(#[from] NotKnown),
}
