//! Was a record tried before? What `riveg dlq replay` writes into the headers of a record that goes round again.

use crate::kafka::ingest::SourceRecord;

/// Topic, partition and offset of the record's first round.
pub const ORIGIN: &str = "riveg.replayed.origin";
/// How often it was tried before this round.
pub const ATTEMPTS: &str = "riveg.replayed.attempts";
/// Topic, partition and offset of the dead letter that it was taken from.
pub const FROM: &str = "riveg.replayed.from";

/// In the topic of dead letters: the record that was replayed, as [`ATTEMPTS`] says it. No dead letter has it.
pub const RECORD: &str = "riveg.replayed.record";

/// Longer than any topic with its partition and offset.
const LONGEST_ORIGIN: usize = 300;

/// The earlier rounds of a record. Whoever writes posts may write these headers too: who reads dead letters believes an
/// origin only where the letters hold the same record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lineage {
    /// None: this is its first round.
    pub(super) origin: Option<String>,
    /// In earlier rounds.
    pub(super) attempts: u32,
}

impl Lineage {
    pub(super) fn of(source: &SourceRecord) -> Self {
        let text = |name| source.headers.last(name).and_then(|value| std::str::from_utf8(value).ok());
        let origin = text(ORIGIN).filter(|origin| is_place(origin));
        match (origin, text(ATTEMPTS).and_then(|attempts| attempts.parse().ok())) {
            (Some(origin), Some(attempts)) => Self { origin: Some(origin.to_owned()), attempts },
            _ => Self::default(),
        }
    }

    /// Whether a header of that name is of a replay, and no other's.
    pub(super) fn is_header(name: &str) -> bool {
        [ORIGIN, ATTEMPTS, FROM, RECORD].contains(&name)
    }
}

/// Whether a text is a topic, a partition and an offset.
fn is_place(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = text.rsplitn(3, '/');
    text.len() <= LONGEST_ORIGIN
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(|topic| !topic.is_empty() && !topic.contains(|c: char| c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_topic_a_partition_and_an_offset() {
        for (text, is) in [
            ("posts/0/17", true),
            ("posts/0", false),
            ("posts/0/-1", false),
            ("/0/1", false),
            ("po\u{1b}sts/0/1", false),
            (&*format!("{}/0/1", "t".repeat(300)), false),
        ] {
            assert_eq!(is_place(text), is, "{text:?}");
        }
    }
}
