//! Why is there no picture behind an address? The kind of fault decides what becomes of it, the message is for people.

use std::time::Duration;

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

/// An error and its causes in one sentence: what went wrong on a connection is said by the innermost.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        cause = error.source();
    }
    said
}
