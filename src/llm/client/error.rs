//! Errors of the client: a class for decisions and metrics, and a message for people.

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
    /// The rest of a sentence that begins with the endpoint's name; with causes, without the key.
    message: String,
    blame: Blame,
}

/// What failed, and whether it is transient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// A transient fault of the endpoint; retry after this time.
    Transient { after: Duration },
    /// A permanent fault of the endpoint.
    Endpoint,
    /// A fault of this question; another one may be answered.
    Question,
}

/// An endpoint that cannot be set up.
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
    /// A transient fault, with the server's retry time if it gives one.
    pub(super) fn passing(
        endpoint: &Arc<str>,
        (class, after): (LlmFault, Option<Duration>),
        message: String,
    ) -> Self {
        let blame = Blame::Transient { after: after.unwrap_or_default() };
        Self { class, endpoint: Arc::clone(endpoint), message, blame }
    }

    /// A permanent fault of the endpoint.
    pub(super) fn lasting(endpoint: &Arc<str>, class: LlmFault, message: String) -> Self {
        Self { class, endpoint: Arc::clone(endpoint), message, blame: Blame::Endpoint }
    }

    /// A fault of this question: it was not sent, or the endpoint refused it.
    pub(super) fn of_question(endpoint: &Arc<str>, class: LlmFault, message: String) -> Self {
        Self { class, endpoint: Arc::clone(endpoint), message, blame: Blame::Question }
    }

    /// Its class, for metrics and decisions.
    #[must_use]
    pub fn class(&self) -> LlmFault {
        self.class
    }

    /// What went wrong, as the rest of a sentence that begins with the endpoint's name.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Whether it is a fault of the endpoint, not of the question.
    pub(super) fn is_endpoint_fault(&self) -> bool {
        self.blame != Blame::Question
    }
}

impl Retryable for LlmError {
    fn retry_delay(&self) -> Option<Duration> {
        match self.blame {
            Blame::Transient { after } => Some(after),
            Blame::Endpoint | Blame::Question => None,
        }
    }
}
