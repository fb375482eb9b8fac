//! Answer records: the stored text of an answer with its subject, model and time.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::request::{AnswerRequest, NewAnswer};

/// The most characters of a subject and of a model's name: they are labels for people, and identify nothing.
pub const MAX_SUBJECT_CHARS: usize = 200;

/// A stored answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// A label for people, such as the entity.
    pub subject: String,
    /// The model.
    pub model: String,
    /// The text; none where the answer was rejected or empty.
    pub text: Option<Arc<str>>,
    /// Why there is no text, by a name that the caller defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Arc<str>>,
    /// When the answer was made, in milliseconds since 1970.
    pub made_at: u64,
}

impl Record {
    pub(super) fn new(asked: &AnswerRequest, answer: NewAnswer, made_at: u64) -> Self {
        Self {
            subject: asked.subject.chars().take(MAX_SUBJECT_CHARS).collect(),
            model: asked.model.chars().take(MAX_SUBJECT_CHARS).collect(),
            text: answer.text.map(Arc::from),
            refused: answer.refused.map(Arc::from),
            made_at,
        }
    }

    /// Approximate bytes in memory: its strings and its table entry.
    pub(super) fn weight(&self) -> usize {
        const PLACE: usize = 256;
        let length = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        self.subject.len() + self.model.len() + length(&self.text) + length(&self.refused) + PLACE
    }

    /// The JSON that all tiers store.
    pub(super) fn to_json(&self) -> Vec<u8> {
        match serde_json::to_vec(self) {
            Ok(body) => body,
            Err(error) => unreachable!("strings and a number are always JSON: {error}"),
        }
    }

    /// None if the JSON is not a record.
    pub(super) fn from_json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

/// Milliseconds since 1970; 0 for times before that.
#[must_use]
pub fn unix_millis(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time at these milliseconds since 1970; none if the clock cannot represent it.
#[must_use]
pub fn time_of_millis(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn a_long_subject_and_a_long_model_name_are_cut_to_their_beginning() {
        let (subject, model) = ("é".repeat(MAX_SUBJECT_CHARS + 5), "m".repeat(MAX_SUBJECT_CHARS + 5));
        let asked = AnswerRequest { subject, model, ..AnswerRequest::of(Kind::Caption, [1; 32]) };
        let record = Record::new(&asked, NewAnswer::default(), 1);
        assert_eq!([&record.subject, &record.model].map(|text| text.chars().count()), [MAX_SUBJECT_CHARS; 2]);
    }

    #[test]
    fn times_are_milliseconds_since_1970() {
        assert_eq!(time_of_millis(1500).map(unix_millis), Some(1500));
        assert_eq!(unix_millis(UNIX_EPOCH - Duration::from_secs(1)), 0);
    }
}
