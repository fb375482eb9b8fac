//! Events: the lines of the log. A line that is cut off by the death of its process does not affect other lines.

use std::fmt;
use std::sync::Arc;

/// Identifies a record. The timestamp tells records apart if the topic was deleted and created again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Its timestamp in milliseconds since 1970; -1 if it has none.
    pub timestamp: i64,
}

/// Something that happened to a post or to the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Work on a post has begun.
    Begun(RecordId),
    /// The post is done, or this process will not do it.
    Done(RecordId),
    /// The post is suspected. The number counts processes that died while they worked on it alone.
    Suspected(RecordId, u32),
    /// The process was told to stop.
    Stopping,
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = match self {
            Self::Begun(id) => ("begun".to_owned(), id),
            Self::Done(id) => ("done".to_owned(), id),
            Self::Suspected(id, deaths) => (format!("suspected-{deaths}"), id),
            Self::Stopping => return formatter.write_str("stopping\n"),
        };
        let RecordId { topic, partition, offset, timestamp } = id;
        writeln!(formatter, "{kind} {topic} {partition} {offset} {timestamp}")
    }
}

impl Event {
    /// Parses a line. None if it was cut off.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        if kind == "stopping" {
            return Some(Self::Stopping);
        }
        let id = RecordId {
            topic: words.next()?.into(),
            partition: words.next()?.parse().ok()?,
            offset: words.next()?.parse().ok()?,
            timestamp: words.next()?.parse().ok()?,
        };
        match kind {
            "begun" => Some(Self::Begun(id)),
            "done" => Some(Self::Done(id)),
            _ => Some(Self::Suspected(id, kind.strip_prefix("suspected-")?.parse().ok()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parsed_as_they_were_written_and_incomplete_lines_are_ignored() {
        let id = RecordId { topic: "posts".into(), partition: 3, offset: 170, timestamp: -1 };
        let events =
            [Event::Begun(id.clone()), Event::Done(id.clone()), Event::Suspected(id, 2), Event::Stopping];
        for event in events {
            assert_eq!(Event::parse(event.to_string().trim_end()), Some(event));
        }
        for cut in ["", "beg", "begun", "begun posts 3", "begun posts 3 17x 0", "suspected-x posts 3 1 1"] {
            assert_eq!(Event::parse(cut), None, "{cut}");
        }
    }
}
