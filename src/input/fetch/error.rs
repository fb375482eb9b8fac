//! Fetch errors: the kind decides about retries and the post, the message is for people.

use std::time::Duration;

use crate::common::http_util::Retryable;

/// A picture that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// What kind of fault it is.
    pub kind: FetchErrorKind,
    /// A sentence that begins after the picture's key. It never holds a URL's query, which may hold secrets.
    pub message: String,
}

/// Kinds of fetch errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// The URL is not allowed.
    Refused,
    /// The picture has more bytes than allowed.
    TooLarge,
    /// The answer is an error that a retry would not change.
    Permanent,
    /// A retry may succeed.
    Transient {
        /// The wait that the server asks for before it.
        after: Option<Duration>,
    },
    /// The server could not be reached, or did not send its whole answer in time. A retry may succeed.
    NoAnswer,
    /// The host did not answer many times in a row, and is not asked for a while.
    HostSuspended {
        /// When it is asked again; none: after the request that tests it now.
        retry_in: Option<Duration>,
    },
    /// There was no memory for its bytes in time.
    OutOfMemory,
}

impl FetchError {
    pub(super) fn refused(message: String) -> Self {
        Self { kind: FetchErrorKind::Refused, message }
    }

    pub(super) fn too_large(shown: &str, size: u64, limit: u64) -> Self {
        let message = format!("at `{shown}` has {size} bytes, more than the {limit} of decode.max_picture");
        Self { kind: FetchErrorKind::TooLarge, message }
    }

    pub(super) fn permanent(message: String) -> Self {
        Self { kind: FetchErrorKind::Permanent, message }
    }

    pub(super) fn transient(message: String) -> Self {
        Self { kind: FetchErrorKind::Transient { after: None }, message }
    }

    pub(super) fn no_answer(message: String) -> Self {
        Self { kind: FetchErrorKind::NoAnswer, message }
    }

    pub(super) fn timed_out(shown: &str, what: &str, after: Duration) -> Self {
        Self::no_answer(format!("at `{shown}` did not come: {what} within {after:?}"))
    }

    pub(super) fn out_of_memory(shown: &str) -> Self {
        let message = format!("at `{shown}` did not come: there was no room for it in fetch.memory in time");
        Self { kind: FetchErrorKind::OutOfMemory, message }
    }
}

impl Retryable for FetchError {
    fn retry_delay(&self) -> Option<Duration> {
        match self.kind {
            FetchErrorKind::Transient { after } | FetchErrorKind::HostSuspended { retry_in: after } => {
                Some(after.unwrap_or_default())
            }
            FetchErrorKind::NoAnswer => Some(Duration::ZERO),
            // The attempt waited for memory until `fetch.patience` ended.
            FetchErrorKind::Refused
            | FetchErrorKind::TooLarge
            | FetchErrorKind::Permanent
            | FetchErrorKind::OutOfMemory => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_go_better_passes_and_not_before_the_server_says_so() {
        let asked = Duration::from_secs(7);
        for (error, expected) in [
            (FetchError::transient(String::new()), Some(Duration::ZERO)),
            (
                FetchError { kind: FetchErrorKind::Transient { after: Some(asked) }, message: String::new() },
                Some(asked),
            ),
            (FetchError::timed_out("", "", asked), Some(Duration::ZERO)),
            (
                FetchError {
                    kind: FetchErrorKind::HostSuspended { retry_in: Some(asked) },
                    message: String::new(),
                },
                Some(asked),
            ),
            (FetchError::out_of_memory(""), None),
            (FetchError::permanent(String::new()), None),
            (FetchError::refused(String::new()), None),
            (FetchError::too_large("", 1, 0), None),
        ] {
            assert_eq!(error.retry_delay(), expected, "{:?}", error.kind);
        }
    }
}
