//! Why is there no picture behind an address? The kind of fault decides what becomes of it, the message is for people.

use std::time::Duration;

use crate::common::http_util::MayPass;

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
    /// The server could not be reached, or did not send all of its answer in time: the next attempt may go better.
    NoAnswer,
    /// The host has not answered for a while, and is left alone.
    HostIsShut {
        /// When it is asked again; none: as soon as the request under way has found out.
        left: Option<Duration>,
    },
    /// There was no room for its bytes in time.
    NoRoom,
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

    pub(super) fn no_answer(message: String) -> Self {
        Self { kind: FetchErrorKind::NoAnswer, message }
    }

    pub(super) fn late(shown: &str, what: &str, after: Duration) -> Self {
        Self::no_answer(format!("at `{shown}` did not come: {what} within {after:?}"))
    }

    pub(super) fn no_room(shown: &str) -> Self {
        let message = format!("at `{shown}` did not come: there was no room for it in fetch.memory in time");
        Self { kind: FetchErrorKind::NoRoom, message }
    }
}

impl MayPass for FetchError {
    fn passes_after(&self) -> Option<Duration> {
        match self.kind {
            FetchErrorKind::Passing { after } | FetchErrorKind::HostIsShut { left: after } => {
                Some(after.unwrap_or_default())
            }
            FetchErrorKind::NoAnswer => Some(Duration::ZERO),
            // Room is waited for until all patience is at an end.
            FetchErrorKind::Refused
            | FetchErrorKind::TooLarge
            | FetchErrorKind::Lasting
            | FetchErrorKind::NoRoom => None,
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
            (FetchError::late("", "", asked), Some(Duration::ZERO)),
            (
                FetchError { kind: FetchErrorKind::HostIsShut { left: Some(asked) }, message: String::new() },
                Some(asked),
            ),
            (FetchError::no_room(""), None),
            (FetchError::lasting(String::new()), None),
            (FetchError::refused(String::new()), None),
            (FetchError::too_large("", 1, 0), None),
        ] {
            assert_eq!(error.passes_after(), expected, "{:?}", error.kind);
        }
    }
}
