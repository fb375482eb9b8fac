//! In which bytes is an answer kept, and which bytes are read again? The same on disk and in Redis: what is too long, not
//! whole or not signed as the settings say is refused, counted by reason, and said seldom.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use super::asked::Id;
use super::record::Record;
use super::seal::Seal;
use crate::common::secret::Secret;
use crate::telemetry::{AnswerMetrics, AnswerTier, LogThrottle};

/// The version of the bytes, by their first. What has another one was written by another release, and is not read.
pub(super) const FORMAT: u8 = 1;
/// The first byte of what carries a keyed code.
const SIGNED: u8 = 2;
/// Of 32 bytes of hash these are kept of a checksum: chance does not forge 16.
const CHECKSUM: usize = 16;
const CODE: usize = blake3::OUT_LEN;
/// The most bytes that are read: the longest answer of any form, 1,500 characters, takes 6 KB, its subject and model 2 KB
/// at most. What is longer was not written by an engine.
pub const LONGEST: usize = 32 * 1024;
/// Often enough to be found in a log's tail.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Why what is kept is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It has more than [`LONGEST`] bytes, or is no value of bytes at all.
    TooLong,
    /// It is cut off, changed, of another question, or of another release.
    Unreadable,
    /// It carries no keyed code, and answers.secret is set.
    Unsigned,
    /// It carries a keyed code, and answers.secret is not set.
    Signed,
    /// Its keyed code is not one of answers.secret.
    Forged,
    /// No model's answer to this question would be believed in this form.
    Unbelievable,
}

impl Refusal {
    pub(super) const CLASSES: [&'static str; 6] =
        ["too-long", "unreadable", "unsigned", "signed", "forged", "unbelievable"];

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::Unreadable => "unreadable",
            Self::Unsigned => "unsigned",
            Self::Signed => "signed",
            Self::Forged => "forged",
            Self::Unbelievable => "unbelievable",
        }
    }
}

/// Whether an answer is short enough to be read again.
#[must_use]
pub fn fits(record: &Record) -> bool {
    1 + CODE + record.to_json().len() <= LONGEST
}

/// Writes and reads what is kept.
pub(super) struct Codec {
    seal: Seal,
    metrics: AnswerMetrics,
    warning: Mutex<LogThrottle>,
}

impl Codec {
    pub(super) fn new(secret: &Secret, metrics: AnswerMetrics) -> Self {
        Self { seal: Seal::new(secret), metrics, warning: Mutex::new(LogThrottle::new(SAID_EVERY)) }
    }

    pub(super) fn metrics(&self) -> &AnswerMetrics {
        &self.metrics
    }

    pub(super) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Version, checksum or keyed code, JSON.
    pub(super) fn encode(&self, id: &Id, record: &Record) -> Vec<u8> {
        let body = record.to_json();
        let mut bytes = Vec::with_capacity(1 + CODE + body.len());
        match &self.seal {
            Seal::Checksum => {
                bytes.push(FORMAT);
                bytes.extend_from_slice(&checksum(id, &body));
            }
            Seal::Keyed { answers, .. } => {
                bytes.push(SIGNED);
                bytes.extend_from_slice(code(answers, id, &body).as_bytes());
            }
        }
        bytes.extend_from_slice(&body);
        bytes
    }

    /// What was written by [`encode`](Self::encode) under this id, with the same secret.
    pub(super) fn decode(&self, id: &Id, bytes: &[u8]) -> Result<Record, Refusal> {
        if bytes.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        let (format, rest) = bytes.split_first().ok_or(Refusal::Unreadable)?;
        let body = match (&self.seal, *format) {
            (Seal::Checksum, FORMAT) => {
                let (found, body) = rest.split_at_checked(CHECKSUM).ok_or(Refusal::Unreadable)?;
                if found != checksum(id, body) {
                    return Err(Refusal::Unreadable);
                }
                body
            }
            (Seal::Keyed { answers, .. }, SIGNED) => {
                let (found, body) = rest.split_first_chunk::<CODE>().ok_or(Refusal::Unreadable)?;
                // Hashes are compared in constant time.
                if blake3::Hash::from_bytes(*found) != code(answers, id, body) {
                    return Err(Refusal::Forged);
                }
                body
            }
            (Seal::Checksum, SIGNED) => return Err(Refusal::Signed),
            (Seal::Keyed { .. }, FORMAT) => return Err(Refusal::Unsigned),
            _ => return Err(Refusal::Unreadable),
        };
        Record::from_json(body).ok_or(Refusal::Unreadable)
    }

    /// The same, where somebody waits for the answer: what is refused is counted.
    pub(super) fn read(&self, tier: AnswerTier, id: &Id, bytes: &[u8]) -> Option<Record> {
        self.decode(id, bytes).map_err(|refusal| self.refused(tier, id, refusal)).ok()
    }

    /// Counts what is refused. Its words are not said: anybody may have written them.
    pub(super) fn refused(&self, tier: AnswerTier, id: &Id, refusal: Refusal) {
        self.metrics.fault(tier, refusal.class());
        let due = self.warning.lock().unwrap_or_else(PoisonError::into_inner).is_due(Instant::now());
        if due {
            let (tier, kind, key, reason) = (tier.as_str(), id.kind.as_str(), id.hex(), refusal.class());
            warn!(
                tier,
                kind,
                key,
                reason,
                "a kept answer is refused and asked anew; more are counted in riveg_answer_faults_total"
            );
        }
    }
}

fn checksum(id: &Id, body: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id.to_bytes()).update(body);
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM]);
    checksum
}

/// Over the question, the answer and its time, which stands in the body.
fn code(key: &[u8; 32], id: &Id, body: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&id.to_bytes()).update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Kind;
    use super::*;
    use crate::telemetry::Metrics;

    fn codec(secret: &str) -> Codec {
        Codec::new(&Secret::from(secret), Metrics::new().answers())
    }

    fn id(byte: u8) -> Id {
        Id { kind: Kind::Caption, key: [byte; 32] }
    }

    fn record(text: Option<&str>) -> Record {
        Record {
            subject: "a dog".to_owned(),
            model: "m".to_owned(),
            text: text.map(Into::into),
            refused: None,
            made_at: 1_700_000_000_000,
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_with_the_same_secret_and_by_nobody_else() {
        for secret in ["", "a secret of these tests"] {
            for text in [None, Some(""), Some("a \"dog\"\nwith \u{1f600}")] {
                let bytes = codec(secret).encode(&id(1), &record(text));
                assert_eq!(codec(secret).decode(&id(1), &bytes), Ok(record(text)));
                assert!(codec(secret).decode(&id(2), &bytes).is_err(), "another key");
                let other = Id { kind: Kind::Expansion, ..id(1) };
                assert!(codec(secret).decode(&other, &bytes).is_err(), "another kind");
            }
        }
        let written = |secret| codec(secret).encode(&id(1), &record(Some("dog")));
        let (ours, theirs) = ("a secret of these tests", "a secret of other tests");
        for (reader, bytes, expected) in [
            (ours, written(""), Refusal::Unsigned),
            (ours, written(theirs), Refusal::Forged),
            ("", written(ours), Refusal::Signed),
            ("", vec![FORMAT; LONGEST + 1], Refusal::TooLong),
            (ours, Vec::new(), Refusal::Unreadable),
            (ours, vec![SIGNED; 20], Refusal::Unreadable),
            (ours, vec![9; 60], Refusal::Unreadable),
        ] {
            assert_eq!(codec(reader).decode(&id(1), &bytes), Err(expected));
        }
    }

    #[test]
    fn what_was_cut_off_or_changed_anywhere_is_not_read() {
        for secret in ["", "a secret of these tests"] {
            let bytes = codec(secret).encode(&id(1), &record(Some("dog")));
            for end in 0..bytes.len() {
                assert!(codec(secret).decode(&id(1), &bytes[..end]).is_err(), "{end}");
            }
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                assert!(codec(secret).decode(&id(1), &changed).is_err(), "{at}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not_and_no_worse(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(codec("").decode(&id(1), &bytes).is_err());
            prop_assert!(codec("a secret of these tests").decode(&id(1), &bytes).is_err());
        }
    }
}
