//! Why a post got no annotation: what its dead letter says.

use std::fmt;

/// A refused post: which step refused it, what kind of fault that is, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The step that refused it: `decode`, or a [`Stage`](super::Stage)'s name.
    pub stage: &'static str,
    /// What kind of fault it is.
    pub class: RejectionClass,
    /// What was refused, where in the record, and why; one paragraph without secrets.
    pub message: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): {}", self.stage, self.class, self.message)
    }
}

impl std::error::Error for Rejection {}

/// The kinds of fault that reject a post: a closed list, so that dashboards and redrives can choose by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectionClass {
    /// The record is not a post: not JSON, a wrong type, something missing, a damaged picture.
    Malformed,
    /// A limit on bytes, pixels or counts was exceeded.
    TooLarge,
    /// A picture takes longer to decode than it may.
    TooSlow,
    /// The media is not a picture in a format that is decoded.
    UnsupportedMedia,
    /// The picture's address may not be fetched.
    FetchRefused,
    /// The picture's address may be fetched, but fetching failed.
    FetchFailed,
    /// A network could not answer for this post.
    ModelRefused,
    /// A language model that the settings do not do without gave no answer.
    NoExpansion,
    /// Processes died of the post.
    Poison,
    /// The post waited longer than its time.
    Expired,
    /// A fault of the engine itself.
    Internal,
}

impl RejectionClass {
    /// All of them, so that metrics exist before the first fault.
    pub const ALL: [RejectionClass; 11] = [
        RejectionClass::Malformed,
        RejectionClass::TooLarge,
        RejectionClass::TooSlow,
        RejectionClass::UnsupportedMedia,
        RejectionClass::FetchRefused,
        RejectionClass::FetchFailed,
        RejectionClass::ModelRefused,
        RejectionClass::NoExpansion,
        RejectionClass::Poison,
        RejectionClass::Expired,
        RejectionClass::Internal,
    ];

    /// The word for it in headers and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::UnsupportedMedia => "unsupported-media",
            Self::FetchRefused => "fetch-refused",
            Self::FetchFailed => "fetch-failed",
            Self::ModelRefused => "model-refused",
            Self::NoExpansion => "not-told",
            Self::Poison => "poison",
            Self::Expired => "expired",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for RejectionClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
