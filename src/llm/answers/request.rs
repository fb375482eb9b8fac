//! Answer requests: a question to the cache, and the new answer that its maker gives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::id::{AnswerId, Kind};

/// A question to the cache.
#[derive(Debug, Clone)]
pub struct AnswerRequest {
    /// The purpose of the answer.
    pub kind: Kind,
    /// The hash of everything that decides the answer: rendered prompt, model, parameters.
    pub key: [u8; 32],
    /// A label for people, such as the entity; the first [`MAX_SUBJECT_CHARS`](super::MAX_SUBJECT_CHARS) characters are
    /// stored.
    pub subject: String,
    /// The model.
    pub model: String,
    /// Checks a stored text.
    pub validator: Validator,
    /// The longest wait for another replica with the same question.
    pub wait: Duration,
}

/// Checks a stored text by the rules for new answers, since others can write to a shared store. It gives the text, a
/// shortened text, or none.
#[derive(Clone)]
pub struct Validator(Arc<ValidateFn>);

type ValidateFn = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Validator {
    /// A validator that calls this function.
    pub fn new(validator: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(validator))
    }

    /// The valid part of a stored text; none: reject it.
    #[must_use]
    pub fn validate(&self, words: &str) -> Option<String> {
        (self.0)(words)
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Validator")
    }
}

/// A new answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewAnswer {
    /// The text; none where the answer was rejected or empty, which is stored for `negative_ttl`.
    pub text: Option<String>,
    /// Why there is no text, by a name that the caller defines.
    pub refused: Option<&'static str>,
}

impl AnswerRequest {
    pub(super) fn id(&self) -> AnswerId {
        AnswerId { kind: self.kind, key: self.key }
    }

    /// A request without a subject that accepts any text.
    #[cfg(test)]
    pub(super) fn of(kind: Kind, key: [u8; 32]) -> Self {
        let validator = Validator::new(|words| Some(words.to_owned()));
        Self { kind, key, subject: String::new(), model: String::new(), validator, wait: Duration::MAX }
    }
}
