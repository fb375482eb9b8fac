//! Answer readers: how the caller reads answers that are objects of its own, such as boxes.

use std::fmt;
use std::sync::Arc;

use super::reject_reason::RejectReason;

/// Reads answers to one question, new ones and stored ones.
#[derive(Clone)]
pub struct AnswerReader {
    id: Arc<str>,
    read: Arc<ReadFn>,
    keep: Arc<KeepFn>,
}

type ReadFn = dyn Fn(&str) -> Result<String, RejectReason> + Send + Sync;
type KeepFn = dyn Fn(&str) -> bool + Send + Sync;

impl AnswerReader {
    /// A reader of model output without reasoning and template tokens. `read` gives the text that is stored, `keep` says
    /// whether a stored text is used, since others can write to a shared store. `id` names what decides the reading besides
    /// the question, such as the unit of numbers; it is a part of the cache key.
    pub fn new(
        id: &str,
        read: impl Fn(&str) -> Result<String, RejectReason> + Send + Sync + 'static,
        keep: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { id: id.into(), read: Arc::new(read), keep: Arc::new(keep) }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The text that is stored of an answer.
    ///
    /// # Errors
    /// Why the answer is rejected.
    pub fn read(&self, text: &str) -> Result<String, RejectReason> {
        (self.read)(text)
    }

    /// Whether a stored text is used.
    #[must_use]
    pub fn keeps(&self, stored: &str) -> bool {
        (self.keep)(stored)
    }
}

impl fmt::Debug for AnswerReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("AnswerReader").field(&self.id).finish()
    }
}
