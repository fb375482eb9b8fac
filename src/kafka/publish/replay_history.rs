//! Replay history: the headers that `riveg dlq replay` adds to a record that is processed again.

use crate::kafka::ingest::SourceRecord;

/// Topic, partition and offset where the record was first read.
pub const REPLAY_ORIGIN: &str = "riveg.replayed.origin";
/// How often it was tried before this replay.
pub const REPLAY_ATTEMPTS: &str = "riveg.replayed.attempts";
/// Topic, partition and offset of the dead letter from which it was replayed.
pub const REPLAYED_FROM: &str = "riveg.replayed.from";

/// In the dead-letter topic: names the record that was replayed. No dead letter has this header.
pub const REPLAYED_RECORD: &str = "riveg.replayed.record";

/// Longer than any topic with partition and offset.
const MAX_ORIGIN: usize = 300;

/// The earlier attempts at a record. Producers of posts could write these headers too, so `riveg dlq` accepts an origin
/// only if the dead letters hold the same record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReplayHistory {
    /// None: the record was not replayed.
    pub(super) origin: Option<String>,
    /// Attempts before this replay.
    pub(super) attempts: u32,
}

impl ReplayHistory {
    pub(super) fn of(source: &SourceRecord) -> Self {
        let text = |name| source.headers.last(name).and_then(|value| std::str::from_utf8(value).ok());
        let origin = text(REPLAY_ORIGIN).filter(|origin| is_position(origin));
        match (origin, text(REPLAY_ATTEMPTS).and_then(|attempts| attempts.parse().ok())) {
            (Some(origin), Some(attempts)) => Self { origin: Some(origin.to_owned()), attempts },
            _ => Self::default(),
        }
    }

    /// Whether `riveg dlq replay` writes a header of that name.
    pub(super) fn is_header(name: &str) -> bool {
        [REPLAY_ORIGIN, REPLAY_ATTEMPTS, REPLAYED_FROM, REPLAYED_RECORD].contains(&name)
    }
}

/// Whether a text is a topic, a partition and an offset, separated by slashes.
fn is_position(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.rsplitn(3, '/');
    text.len() <= MAX_ORIGIN
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(|topic| !topic.is_empty() && !topic.contains(|c: char| c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_topic_a_partition_and_an_offset() {
        for (text, is) in [
            ("posts/0/17", true),
            ("posts/0", false),
            ("posts/0/-1", false),
            ("/0/1", false),
            ("po\u{1b}sts/0/1", false),
            (&*format!("{}/0/1", "t".repeat(300)), false),
        ] {
            assert_eq!(is_position(text), is, "{text:?}");
        }
    }
}
