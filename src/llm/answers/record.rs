//! What is kept of an answer? Its words, what they are about, who said them, and when.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::asked::{Asked, Made, SUBJECT};

/// An answer with what people want to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What people know it by.
    pub subject: String,
    /// Who was asked.
    pub model: String,
    /// The answer; none where it was refused or empty.
    pub text: Option<Arc<str>>,
    /// Why there is none, by the name that its asker has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Arc<str>>,
    /// When it was made, in milliseconds since 1970.
    pub made_at: u64,
}

impl Record {
    pub(super) fn new(asked: &Asked, made: Made, made_at: u64) -> Self {
        Self {
            subject: asked.subject.chars().take(SUBJECT).collect(),
            model: asked.model.chars().take(SUBJECT).collect(),
            text: made.text.map(Arc::from),
            refused: made.refused.map(Arc::from),
            made_at,
        }
    }

    /// What it takes in memory, in bytes, about: its strings, and its place in a table.
    pub(super) fn weight(&self) -> usize {
        const PLACE: usize = 256;
        let length = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        self.subject.len() + self.model.len() + length(&self.text) + length(&self.refused) + PLACE
    }

    /// As the bytes of all tiers hold it.
    pub(super) fn to_json(&self) -> Vec<u8> {
        match serde_json::to_vec(self) {
            Ok(body) => body,
            Err(error) => unreachable!("strings and a number are always JSON: {error}"),
        }
    }

    /// None for what is no record.
    pub(super) fn from_json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

/// A moment in milliseconds since 1970; of one before that, 0.
#[must_use]
pub fn millis(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The moment so many milliseconds after 1970; none where clocks do not go so far.
#[must_use]
pub fn moment(millis: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn of_a_long_subject_and_a_long_name_of_a_model_the_beginning_is_kept() {
        let (subject, model) = ("é".repeat(SUBJECT + 5), "m".repeat(SUBJECT + 5));
        let asked = Asked { subject, model, ..Asked::of(Kind::Caption, [1; 32]) };
        let record = Record::new(&asked, Made::default(), 1);
        assert_eq!([&record.subject, &record.model].map(|text| text.chars().count()), [SUBJECT; 2]);
    }

    #[test]
    fn moments_are_milliseconds_since_1970() {
        assert_eq!(moment(1500).map(millis), Some(1500));
        assert_eq!(millis(UNIX_EPOCH - Duration::from_secs(1)), 0);
    }
}
