//! Why is there no answer? The class decides what becomes of it, the message is for people.

use std::sync::Arc;
use std::time::Duration;

use crate::common::http_util::Retryable;
use crate::telemetry::LlmFault;

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the language model `{endpoint}` {message}")]
pub struct LlmError {
    class: LlmFault,
    endpoint: Arc<str>,
    /// Goes on after the endpoint's name; holds no key, and causes in words.
    message: String,
    blame: Blame,
}

/// Whose fault it is, and whether it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The endpoint is in trouble, which may pass, not before so much time.
    Trouble { after: Duration },
    /// The endpoint is not what it should be, and will not be at the next attempt.
    Endpoint,
    /// Another question may well be answered.
    Question,
}

/// An endpoint that cannot be asked, whatever is asked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum EndpointError {
    #[error("the setting `{key}` of the language model `{endpoint}` {message}")]
    Setting { endpoint: String, key: &'static str, message: String },
    #[error("the client for the language model `{endpoint}` could not be made")]
    Client {
        endpoint: String,
        #[source]
        source: reqwest::Error,
    },
}

impl LlmError {
    /// In trouble that may pass, not before so much time where the server says so.
    pub(super) fn passing(
        endpoint: &Arc<str>,
        (class, after): (LlmFault, Option<Duration>),
        message: String,
    ) -> Self {
        let blame = Blame::Trouble { after: after.unwrap_or_default() };
        Self { class, endpoint: Arc::clone(endpoint), message, blame }
    }

    /// Whatever is asked, this endpoint would fail so again.
    pub(super) fn lasting(endpoint: &Arc<str>, class: LlmFault, message: String) -> Self {
        Self { class, endpoint: Arc::clone(endpoint), message, blame: Blame::Endpoint }
    }

    /// The endpoint is well, for all that is known: this question was not asked, or is not to its liking.
    pub(super) fn of_question(endpoint: &Arc<str>, class: LlmFault, message: String) -> Self {
        Self { class, endpoint: Arc::clone(endpoint), message, blame: Blame::Question }
    }

    /// Its class in metrics, and for those who decide what to do without an answer.
    #[must_use]
    pub fn class(&self) -> LlmFault {
        self.class
    }

    /// What went wrong, as a sentence that goes on after the endpoint's name.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Whether the endpoint is unwell, as far as one question can tell.
    pub(super) fn is_the_endpoints(&self) -> bool {
        self.blame != Blame::Question
    }
}

impl Retryable for LlmError {
    fn retry_delay(&self) -> Option<Duration> {
        match self.blame {
            Blame::Trouble { after } => Some(after),
            Blame::Endpoint | Blame::Question => None,
        }
    }
}
