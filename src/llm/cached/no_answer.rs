//! Errors of a cached endpoint: the endpoint failed, or its answer is rejected.

use std::sync::Arc;

use super::reject_reason::RejectReason;
use crate::llm::client::LlmError;

/// A question without a usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The endpoint failed after all its attempts.
    #[error(transparent)]
    Failed(#[from] LlmError),
    /// The answer is rejected.
    #[error("the language model `{endpoint}` {}", reason.sentence())]
    Rejected {
        /// The endpoint's name.
        endpoint: Arc<str>,
        /// Why.
        reason: RejectReason,
    },
}
