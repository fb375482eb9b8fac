//! Why is there no picture behind an address? The kind of fault decides what becomes of it, the message is for people.

use std::time::Duration;

use crate::outbound::MayPass;

/// A picture that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// What kind of fault it is.
    pub kind: FetchErrorKind,
    /// A sentence that begins after the picture's name; it holds no query of an address, since secrets travel there.
    pub message: String,
}

/// What kind of fault keeps a picture away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// The address may not be asked: it would be refused again.
    Refused,
    /// There are more bytes than allowed.
    TooLarge,
    /// The answer is no, and would be no again.
    Lasting,
    /// The next attempt may go better, not before so much time has passed where the server says so.
    Passing {
        /// The wait that the server asks for.
        after: Option<Duration>,
    },
}

impl FetchError {
    pub(super) fn refused(message: String) -> Self {
        Self { kind: FetchErrorKind::Refused, message }
    }

    pub(super) fn too_large(shown: &str, size: u64, limit: u64) -> Self {
        let message = format!("at `{shown}` has {size} bytes, more than the {limit} of decode.max_picture");
        Self { kind: FetchErrorKind::TooLarge, message }
    }

    pub(super) fn lasting(message: String) -> Self {
        Self { kind: FetchErrorKind::Lasting, message }
    }

    pub(super) fn passing(message: String) -> Self {
        Self { kind: FetchErrorKind::Passing { after: None }, message }
    }
}

impl MayPass for FetchError {
    fn passes_after(&self) -> Option<Duration> {
        match self.kind {
            FetchErrorKind::Passing { after } => Some(after.unwrap_or_default()),
            FetchErrorKind::Refused | FetchErrorKind::TooLarge | FetchErrorKind::Lasting => None,
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
            (FetchError::passing(String::new()), Some(Duration::ZERO)),
            (
                FetchError { kind: FetchErrorKind::Passing { after: Some(asked) }, message: String::new() },
                Some(asked),
            ),
            (FetchError::lasting(String::new()), None),
            (FetchError::refused(String::new()), None),
            (FetchError::too_large("", 1, 0), None),
        ] {
            assert_eq!(error.passes_after(), expected, "{:?}", error.kind);
        }
    }
}
