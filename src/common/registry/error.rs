//! Registry errors: what the registry was asked for, what came of it, and whether another attempt may help.

use std::time::Duration;

use reqwest::StatusCode;

use crate::common::http_util::Retryable;

/// Why the registry gave no answer of use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegistryError {
    /// What kind of failure it is.
    pub kind: RegistryErrorKind,
    /// The question, the address, and what came of it.
    pub message: String,
}

/// The kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryErrorKind {
    /// It does not answer, or cannot work now. `after`: the wait that it asks for.
    Unavailable {
        /// The least wait before another attempt.
        after: Duration,
    },
    /// It refuses name and password (401, 403).
    Denied,
    /// It does not know what was asked for (404).
    Unknown,
    /// The schema is not compatible with an earlier one (409).
    Incompatible,
    /// It refuses the question, or its answer cannot be read.
    Refused,
}

impl RegistryError {
    /// The error where the whole time is over without an answer.
    #[must_use]
    pub fn no_answer_within(at: &str, patience: Duration) -> Self {
        let message =
            format!("the Schema Registry at `{at}` does not answer within {} s", patience.as_secs());
        Self { kind: RegistryErrorKind::Unavailable { after: Duration::ZERO }, message }
    }
}

impl Retryable for RegistryError {
    fn retry_delay(&self) -> Option<Duration> {
        match self.kind {
            RegistryErrorKind::Unavailable { after } => Some(after),
            _ => None,
        }
    }
}

impl RegistryErrorKind {
    /// The kind of an answer with this status, which is no success.
    pub(super) fn of_status(status: StatusCode, after: Option<Duration>) -> Self {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Denied,
            StatusCode::NOT_FOUND => Self::Unknown,
            StatusCode::CONFLICT => Self::Incompatible,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Self::Unavailable { after: after.unwrap_or_default() }
            }
            status if status.is_server_error() => Self::Unavailable { after: after.unwrap_or_default() },
            _ => Self::Refused,
        }
    }

    /// The least wait before another attempt; none: the answer will be the same. Rights may be granted while a record
    /// waits: a wrong password must not make dead letters of a whole topic at once.
    pub(super) fn retry_delay(self) -> Option<Duration> {
        match self {
            Self::Unavailable { after } => Some(after),
            Self::Denied => Some(Duration::ZERO),
            Self::Unknown | Self::Incompatible | Self::Refused => None,
        }
    }
}
