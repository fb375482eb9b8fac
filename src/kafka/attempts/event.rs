//! What is written down? One line an event, which a process that dies in the middle of it cannot spoil for the others.

use std::fmt;
use std::sync::Arc;

/// Which record, in a topic that may be deleted and made anew: then its timestamp differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// When it was written, in milliseconds since 1970; -1 if Kafka does not say.
    pub timestamp: i64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A post is worked on.
    Begun(Key),
    /// It is done, or this process will not do it.
    Done(Key),
    /// So many processes have died of it alone; of 0 it is only suspected.
    Suspected(Key, u32),
    /// The process was told to stop.
    Stopping,
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, key) = match self {
            Self::Begun(key) => ("begun".to_owned(), key),
            Self::Done(key) => ("done".to_owned(), key),
            Self::Suspected(key, deaths) => (format!("suspected-{deaths}"), key),
            Self::Stopping => return formatter.write_str("stopping\n"),
        };
        let Key { topic, partition, offset, timestamp } = key;
        writeln!(formatter, "{kind} {topic} {partition} {offset} {timestamp}")
    }
}

impl Event {
    /// The event of a line; none for one that was cut off.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        if kind == "stopping" {
            return Some(Self::Stopping);
        }
        let key = Key {
            topic: words.next()?.into(),
            partition: words.next()?.parse().ok()?,
            offset: words.next()?.parse().ok()?,
            timestamp: words.next()?.parse().ok()?,
        };
        match kind {
            "begun" => Some(Self::Begun(key)),
            "done" => Some(Self::Done(key)),
            _ => Some(Self::Suspected(key, kind.strip_prefix("suspected-")?.parse().ok()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written_and_half_lines_not_at_all() {
        let key = Key { topic: "posts".into(), partition: 3, offset: 170, timestamp: -1 };
        let events =
            [Event::Begun(key.clone()), Event::Done(key.clone()), Event::Suspected(key, 2), Event::Stopping];
        for event in events {
            assert_eq!(Event::parse(event.to_string().trim_end()), Some(event));
        }
        for cut in ["", "beg", "begun", "begun posts 3", "begun posts 3 17x 0", "suspected-x posts 3 1 1"] {
            assert_eq!(Event::parse(cut), None, "{cut}");
        }
    }
}
