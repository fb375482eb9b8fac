//! Codec: the bytes of a stored answer, the same on disk and in Redis. Bytes that are too long, damaged or not signed as
//! configured are refused, counted by class, and logged at intervals.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use super::id::AnswerId;
use super::record::Record;
use super::signer::Signer;
use crate::common::secret::Secret;
use crate::telemetry::{AnswerMetrics, AnswerTier, LogThrottle};

/// The format version, in the first byte. Bytes of another version are from another release and are not read.
pub(super) const FORMAT: u8 = 1;
/// The first byte of a signed record.
const SIGNED: u8 = 2;
/// The bytes of a checksum, of the 32 of a hash: enough against accidental damage.
const CHECKSUM: usize = 16;
const CODE: usize = blake3::OUT_LEN;
/// The most bytes of a record: the longest answer, 1,500 characters, has 6 KB, its subject and model 2 KB at most. An engine
/// writes nothing longer.
pub const MAX_RECORD_BYTES: usize = 32 * 1024;
/// Often enough to be found at the end of a log.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// Why a stored record is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordFault {
    /// It has more than [`MAX_RECORD_BYTES`], or is not a string in Redis.
    TooLong,
    /// It is cut off, changed, for another question, or of another release.
    Unreadable,
    /// It is not signed, but answers.secret is set.
    Unsigned,
    /// It is signed, but answers.secret is not set.
    Signed,
    /// Its signature is not from answers.secret.
    Forged,
    /// The validator of the request refuses its text.
    Invalid,
}

impl RecordFault {
    pub(super) const CLASSES: [&'static str; 6] =
        ["too-long", "unreadable", "unsigned", "signed", "forged", "unbelievable"];

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::Unreadable => "unreadable",
            Self::Unsigned => "unsigned",
            Self::Signed => "signed",
            Self::Forged => "forged",
            Self::Invalid => "unbelievable",
        }
    }
}

/// Whether a record is short enough to be read.
#[must_use]
pub fn fits(record: &Record) -> bool {
    1 + CODE + record.to_json().len() <= MAX_RECORD_BYTES
}

/// Encodes and decodes records.
pub(super) struct Codec {
    signer: Signer,
    metrics: AnswerMetrics,
    warning: Mutex<LogThrottle>,
}

impl Codec {
    pub(super) fn new(secret: &Secret, metrics: AnswerMetrics) -> Self {
        Self { signer: Signer::new(secret), metrics, warning: Mutex::new(LogThrottle::new(WARN_INTERVAL)) }
    }

    pub(super) fn metrics(&self) -> &AnswerMetrics {
        &self.metrics
    }

    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Version, checksum or signature, JSON.
    pub(super) fn encode(&self, id: &AnswerId, record: &Record) -> Vec<u8> {
        let body = record.to_json();
        let mut bytes = Vec::with_capacity(1 + CODE + body.len());
        match &self.signer {
            Signer::Checksum => {
                bytes.push(FORMAT);
                bytes.extend_from_slice(&checksum(id, &body));
            }
            Signer::Keyed { answers, .. } => {
                bytes.push(SIGNED);
                bytes.extend_from_slice(code(answers, id, &body).as_bytes());
            }
        }
        bytes.extend_from_slice(&body);
        bytes
    }

    /// The record that [`Self::encode`] wrote under this id, with the same secret.
    pub(super) fn decode(&self, id: &AnswerId, bytes: &[u8]) -> Result<Record, RecordFault> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(RecordFault::TooLong);
        }
        let (format, rest) = bytes.split_first().ok_or(RecordFault::Unreadable)?;
        let body = match (&self.signer, *format) {
            (Signer::Checksum, FORMAT) => {
                let (found, body) = rest.split_at_checked(CHECKSUM).ok_or(RecordFault::Unreadable)?;
                if found != checksum(id, body) {
                    return Err(RecordFault::Unreadable);
                }
                body
            }
            (Signer::Keyed { answers, .. }, SIGNED) => {
                let (found, body) = rest.split_first_chunk::<CODE>().ok_or(RecordFault::Unreadable)?;
                // Hashes are compared in constant time.
                if blake3::Hash::from_bytes(*found) != code(answers, id, body) {
                    return Err(RecordFault::Forged);
                }
                body
            }
            (Signer::Checksum, SIGNED) => return Err(RecordFault::Signed),
            (Signer::Keyed { .. }, FORMAT) => return Err(RecordFault::Unsigned),
            _ => return Err(RecordFault::Unreadable),
        };
        Record::from_json(body).ok_or(RecordFault::Unreadable)
    }

    /// As [`Self::decode`]; a fault is counted.
    pub(super) fn read(&self, tier: AnswerTier, id: &AnswerId, bytes: &[u8]) -> Option<Record> {
        self.decode(id, bytes).map_err(|fault| self.count_fault(tier, id, fault)).ok()
    }

    /// Counts a refused record. Its text is not logged, because it is untrusted.
    pub(super) fn count_fault(&self, tier: AnswerTier, id: &AnswerId, fault: RecordFault) {
        self.metrics.fault(tier, fault.class());
        let due = self.warning.lock().unwrap_or_else(PoisonError::into_inner).is_due(Instant::now());
        if due {
            let (tier, kind, key, reason) = (tier.as_str(), id.kind.as_str(), id.hex(), fault.class());
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

fn checksum(id: &AnswerId, body: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id.to_bytes()).update(body);
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM]);
    checksum
}

/// The signature over the id and the body, which contains the text and the time.
fn code(key: &[u8; 32], id: &AnswerId, body: &[u8]) -> blake3::Hash {
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

    fn id(byte: u8) -> AnswerId {
        AnswerId { kind: Kind::Caption, key: [byte; 32] }
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
    fn a_record_is_decoded_as_it_was_encoded_with_the_same_secret_only() {
        for secret in ["", "a secret of these tests"] {
            for text in [None, Some(""), Some("a \"dog\"\nwith \u{1f600}")] {
                let bytes = codec(secret).encode(&id(1), &record(text));
                assert_eq!(codec(secret).decode(&id(1), &bytes), Ok(record(text)));
                assert!(codec(secret).decode(&id(2), &bytes).is_err(), "another key");
                let other = AnswerId { kind: Kind::Expansion, ..id(1) };
                assert!(codec(secret).decode(&other, &bytes).is_err(), "another kind");
            }
        }
        let written = |secret| codec(secret).encode(&id(1), &record(Some("dog")));
        let (ours, theirs) = ("a secret of these tests", "a secret of other tests");
        for (reader, bytes, expected) in [
            (ours, written(""), RecordFault::Unsigned),
            (ours, written(theirs), RecordFault::Forged),
            ("", written(ours), RecordFault::Signed),
            ("", vec![FORMAT; MAX_RECORD_BYTES + 1], RecordFault::TooLong),
            (ours, Vec::new(), RecordFault::Unreadable),
            (ours, vec![SIGNED; 20], RecordFault::Unreadable),
            (ours, vec![9; 60], RecordFault::Unreadable),
        ] {
            assert_eq!(codec(reader).decode(&id(1), &bytes), Err(expected));
        }
    }

    #[test]
    fn a_record_that_was_cut_off_or_changed_anywhere_is_refused() {
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
        fn arbitrary_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(codec("").decode(&id(1), &bytes).is_err());
            prop_assert!(codec("a secret of these tests").decode(&id(1), &bytes).is_err());
        }
    }
}
