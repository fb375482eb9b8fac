//! Rejections: why a post has no annotation, as its dead letter says.

use std::fmt;

/// A rejected post: the step that rejected it, the class of the fault, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The step that rejected it: `decode`, or a [`Stage`](super::Stage)'s name.
    pub stage: &'static str,
    /// What kind of fault it is.
    pub class: RejectionClass,
    /// What was rejected, where in the record, and why; one paragraph without secrets.
    pub message: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}): {}", self.stage, self.class, self.message)
    }
}

impl std::error::Error for Rejection {}

/// The classes of faults that reject a post: a closed list, so that dashboards and redrives can select by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectionClass {
    /// The record is not a post: not JSON, a wrong type, something missing, a damaged picture.
    Malformed,
    /// The record is an event that its format does not know.
    UnknownEvent,
    /// A limit on bytes, pixels or counts was exceeded.
    TooLarge,
    /// A picture takes longer to decode than it may.
    TooSlow,
    /// The media is not a picture in a format that is decoded.
    UnsupportedMedia,
    /// The picture's URL is not allowed.
    FetchRefused,
    /// The picture's URL is allowed, but fetching failed.
    FetchFailed,
    /// The record's schema is not known, cannot be read, or cannot be asked for.
    NoSchema,
    /// The Schema Registry did not answer within the patience of the settings.
    RegistryFailed,
    /// A network could not answer for this post.
    ModelRefused,
    /// A language model that the settings require gave no answer.
    NoExpansion,
    /// The post crashed the process several times.
    Poison,
    /// The post waited longer than the settings allow.
    Expired,
    /// A fault of the engine itself.
    Internal,
}

impl RejectionClass {
    /// All of them, so that metrics exist before the first fault.
    pub const ALL: [RejectionClass; 14] = [
        RejectionClass::Malformed,
        RejectionClass::UnknownEvent,
        RejectionClass::TooLarge,
        RejectionClass::TooSlow,
        RejectionClass::UnsupportedMedia,
        RejectionClass::FetchRefused,
        RejectionClass::FetchFailed,
        RejectionClass::NoSchema,
        RejectionClass::RegistryFailed,
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
            Self::UnknownEvent => "unknown-event",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::UnsupportedMedia => "unsupported-media",
            Self::FetchRefused => "fetch-refused",
            Self::FetchFailed => "fetch-failed",
            Self::NoSchema => "no-schema",
            Self::RegistryFailed => "registry-failed",
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
