//! Why has a question no answer that can be used? Nobody answered, or what was answered is not believed.

use std::sync::Arc;

use super::refusal::Refusal;
use crate::llm::client::LlmError;

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The endpoint gave none, after all its attempts.
    #[error(transparent)]
    Failed(#[from] LlmError),
    /// It answered, and the answer is not believed.
    #[error("the language model `{endpoint}` {}", refusal.sentence())]
    Refused {
        /// The endpoint's name.
        endpoint: Arc<str>,
        /// Why.
        refusal: Refusal,
    },
}
