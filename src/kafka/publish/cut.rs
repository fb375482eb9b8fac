//! What does a dead letter give up so that it fits? Its value, then the record's own headers, then a long key.

use bytes::Bytes;

use crate::kafka::ingest::SourceRecord;

/// The longest key that a dead letter keeps whatever the topic takes: far longer than keys of people and posts are.
const LONGEST_KEY: usize = 1_024;

/// About what a dead letter's own headers take, in bytes. To give up less than that makes a letter no smaller than the
/// record that came, so it is given up together with what follows.
const ROOM: usize = 512;

/// What is given up, and with it all that stands before it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    Nothing,
    Value,
    Headers,
    /// A hash stands for it.
    Key,
}

impl Cut {
    /// All that can be given up, in this order.
    const ALL: [Self; 3] = [Self::Value, Self::Headers, Self::Key];

    /// The word for it in metrics and lists.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Value => "value",
            Self::Headers => "headers",
            Self::Key => "key",
        }
    }

    /// The words for all that can be given up.
    pub(super) fn words() -> [&'static str; 3] {
        Self::ALL.map(Self::as_str)
    }

    /// What of a record is given up: only what it has.
    pub(super) fn given_up(self, source: &SourceRecord) -> Vec<Self> {
        Self::ALL.into_iter().filter(|&part| part <= self && part.bytes(source) > 0).collect()
    }

    /// The next cut to be tried where this one was not enough; none where nothing is left to be given up.
    pub(super) fn further(self, source: &SourceRecord) -> Option<Self> {
        let mut further = None;
        let mut bytes = 0;
        for part in Self::ALL.into_iter().filter(|&part| part > self && part.bytes(source) > 0) {
            further = Some(part);
            bytes += part.bytes(source);
            if bytes >= ROOM {
                break;
            }
        }
        further
    }

    /// How many bytes of a record this part takes.
    fn bytes(self, source: &SourceRecord) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Value => source.value.as_ref().map_or(0, Bytes::len),
            Self::Headers => source.headers.bytes(),
            Self::Key => {
                source.key.as_ref().map(Bytes::len).filter(|&bytes| bytes > LONGEST_KEY).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::kafka::client::RecordHeaders;

    fn source(key: usize, value: usize, header: usize) -> SourceRecord {
        let mut headers = RecordHeaders::default();
        if header > 0 {
            headers.push("own", Some(&vec![0; header]));
        }
        SourceRecord {
            topic: "in".into(),
            partition: 0,
            offset: 5,
            timestamp: None,
            key: Some(vec![0; key].into()),
            value: Some(vec![0; value].into()),
            headers,
            received: UNIX_EPOCH,
        }
    }

    fn steps(source: &SourceRecord) -> Vec<Cut> {
        std::iter::successors(Cut::Nothing.further(source), |cut| cut.further(source)).collect()
    }

    #[test]
    fn a_letter_gives_up_its_value_then_its_headers_then_its_key() {
        assert_eq!(steps(&source(9_000, 9_000, 9_000)), [Cut::Value, Cut::Headers, Cut::Key]);
        assert_eq!(steps(&source(10, 9_000, 0)), [Cut::Value]);
        assert_eq!(steps(&source(1_024, 9_000, 9_000)), [Cut::Value, Cut::Headers], "a usual key stays");
        assert_eq!(steps(&source(10, 0, 0)), []);
    }

    #[test]
    fn what_makes_no_room_is_given_up_together_with_what_follows() {
        let hostile = source(1_048_300, 1, 0);
        assert_eq!(steps(&hostile), [Cut::Key]);
        assert_eq!(Cut::Key.given_up(&hostile), [Cut::Value, Cut::Key], "it has no headers to give up");
        assert_eq!(steps(&source(10, 100, 9_000)), [Cut::Headers]);
        assert_eq!(steps(&source(10, 100, 10)), [Cut::Headers], "there is nothing else to be tried");
    }
}
