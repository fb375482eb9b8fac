//! What is kept of an answer, and in which bytes? The same on disk and in Redis, with a checksum over answer and question.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::asked::{Asked, Id, Made, SUBJECT};

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
    /// When it was made, in milliseconds since 1970.
    pub made_at: u64,
}

/// The version of the bytes. What has another one was written by another release, and is not read.
pub(super) const FORMAT: u8 = 1;
/// Of 32 bytes of hash these are kept: chance does not forge 16.
const CHECKSUM: usize = 16;

impl Record {
    pub(super) fn new(asked: &Asked, made: Made, made_at: u64) -> Self {
        Self {
            subject: asked.subject.chars().take(SUBJECT).collect(),
            model: asked.model.clone(),
            text: made.text.map(Arc::from),
            made_at,
        }
    }

    /// What it takes in memory, in bytes, about: its strings, and its place in a table.
    pub(super) fn weight(&self) -> usize {
        const PLACE: usize = 256;
        self.subject.len() + self.model.len() + self.text.as_ref().map_or(0, |text| text.len()) + PLACE
    }

    /// Version, checksum, JSON.
    pub(super) fn encode(&self, id: &Id) -> Vec<u8> {
        let body = match serde_json::to_vec(self) {
            Ok(body) => body,
            Err(error) => unreachable!("strings and a number are always JSON: {error}"),
        };
        let mut bytes = Vec::with_capacity(1 + CHECKSUM + body.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&checksum(id, &body));
        bytes.extend_from_slice(&body);
        bytes
    }

    /// None for what was not written by [`encode`](Self::encode) under this id: cut off, changed, or another's.
    pub(super) fn decode(id: &Id, bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let (found, body) = rest.split_at_checked(CHECKSUM)?;
        let whole = *format == FORMAT && found == checksum(id, body);
        whole.then(|| serde_json::from_slice(body).ok()).flatten()
    }
}

fn checksum(id: &Id, body: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id.to_bytes()).update(body);
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM]);
    checksum
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
    use proptest::prelude::*;

    use super::super::Kind;
    use super::*;

    fn id(byte: u8) -> Id {
        Id { kind: Kind::Caption, key: [byte; 32] }
    }

    fn record(text: Option<&str>) -> Record {
        let asked = Asked {
            kind: Kind::Caption,
            key: [1; 32],
            subject: "é".repeat(SUBJECT + 5),
            model: "m".to_owned(),
        };
        Record::new(&asked, Made { text: text.map(str::to_owned) }, 1_700_000_000_000)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for text in [None, Some(""), Some("a \"dog\"\nwith \u{1f600}")] {
            let record = record(text);
            assert_eq!(record.subject.chars().count(), SUBJECT);
            assert_eq!(Record::decode(&id(1), &record.encode(&id(1))), Some(record));
        }
    }

    #[test]
    fn what_was_cut_off_or_changed_anywhere_or_is_anothers_is_not_read() {
        let bytes = record(Some("dog")).encode(&id(1));
        for end in 0..bytes.len() {
            assert_eq!(Record::decode(&id(1), &bytes[..end]), None, "{end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Record::decode(&id(1), &changed), None, "{at}");
        }
        assert_eq!(Record::decode(&id(2), &bytes), None, "another key");
        let other = Id { kind: Kind::Expansion, ..id(1) };
        assert_eq!(Record::decode(&other, &bytes), None, "another kind");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not_and_no_worse(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(Record::decode(&id(1), &bytes), None);
        }
    }

    #[test]
    fn moments_are_milliseconds_since_1970() {
        assert_eq!(moment(1500).map(millis), Some(1500));
        assert_eq!(millis(UNIX_EPOCH - Duration::from_secs(1)), 0);
    }
}
