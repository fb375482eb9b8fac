//! Truncation: the parts that a dead letter drops so that it fits its topic: its value, then the record's own headers,
//! then a long key.

use bytes::Bytes;

use crate::kafka::ingest::SourceRecord;

/// A dead letter keeps a key up to this length, in bytes. Keys of people and posts are far shorter.
const MAX_KEPT_KEY: usize = 1_024;

/// About the size of a dead letter's own headers, in bytes. Dropping less than this makes a letter no smaller than its
/// record, so the next part is dropped together with it.
const MIN_SAVING: usize = 512;

/// The last part that is dropped. Parts before it are dropped too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truncation {
    None,
    Value,
    Headers,
    /// The key is replaced by its hash.
    Key,
}

impl Truncation {
    /// All parts, in the order in which they are dropped.
    const PARTS: [Self; 3] = [Self::Value, Self::Headers, Self::Key];

    /// The name of the part in metrics and lists.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Value => "value",
            Self::Headers => "headers",
            Self::Key => "key",
        }
    }

    /// The names of all parts.
    pub(super) fn names() -> [&'static str; 3] {
        Self::PARTS.map(Self::as_str)
    }

    /// The parts that a record has and that are dropped.
    pub(super) fn omitted_parts(self, source: &SourceRecord) -> Vec<Self> {
        Self::PARTS.into_iter().filter(|&part| part <= self && part.bytes(source) > 0).collect()
    }

    /// The truncation to try after this one. None if nothing is left to drop.
    pub(super) fn next(self, source: &SourceRecord) -> Option<Self> {
        let mut next = None;
        let mut bytes = 0;
        for part in Self::PARTS.into_iter().filter(|&part| part > self && part.bytes(source) > 0) {
            next = Some(part);
            bytes += part.bytes(source);
            if bytes >= MIN_SAVING {
                break;
            }
        }
        next
    }

    /// The size of this part of a record.
    fn bytes(self, source: &SourceRecord) -> usize {
        match self {
            Self::None => 0,
            Self::Value => source.value.as_ref().map_or(0, Bytes::len),
            Self::Headers => source.headers.bytes(),
            Self::Key => {
                source.key.as_ref().map(Bytes::len).filter(|&bytes| bytes > MAX_KEPT_KEY).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::source;
    use super::*;

    fn sized(key: usize, value: usize, header: usize) -> SourceRecord {
        let mut source =
            SourceRecord { key: Some(vec![0; key].into()), value: Some(vec![0; value].into()), ..source() };
        if header > 0 {
            source.headers.push("own", Some(&vec![0; header]));
        }
        source
    }

    fn steps(source: &SourceRecord) -> Vec<Truncation> {
        std::iter::successors(Truncation::None.next(source), |truncation| truncation.next(source)).collect()
    }

    #[test]
    fn a_letter_drops_its_value_then_its_headers_then_its_key() {
        use Truncation::{Headers, Key, Value};
        assert_eq!(steps(&sized(9_000, 9_000, 9_000)), [Value, Headers, Key]);
        assert_eq!(steps(&sized(10, 9_000, 0)), [Value]);
        assert_eq!(steps(&sized(1_024, 9_000, 9_000)), [Value, Headers], "a key of usual length stays");
        assert_eq!(steps(&sized(10, 0, 0)), []);
    }

    #[test]
    fn a_part_that_saves_too_little_is_dropped_together_with_the_next() {
        let hostile = sized(1_048_300, 1, 0);
        assert_eq!(steps(&hostile), [Truncation::Key]);
        let omitted = Truncation::Key.omitted_parts(&hostile);
        assert_eq!(omitted, [Truncation::Value, Truncation::Key], "it has no headers to drop");
        assert_eq!(steps(&sized(10, 100, 9_000)), [Truncation::Headers]);
        assert_eq!(steps(&sized(10, 100, 10)), [Truncation::Headers], "nothing else is left to try");
    }
}
