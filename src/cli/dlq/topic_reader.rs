//! Reader of the dead-letter topic, up to its current end: dead letters, and the markers of replays between them.

use std::collections::BTreeSet;

use rdkafka::message::{BorrowedMessage, Message};

use super::dead_letter::DeadLetter;
use super::replay_history::{History, Marker};
use crate::cli::Failure;
use crate::cli::topic::{Ranges, TopicError, TopicReader};
use crate::config::Config;
use crate::kafka::client::RecordHeaders;
use crate::kafka::publish::{REPLAY_ATTEMPTS, REPLAYED_RECORD};

/// The topic of dead letters.
pub(super) struct DeadLetterTopic {
    name: String,
    reader: TopicReader,
}

/// A record of the topic.
enum Entry {
    DeadLetter(Box<DeadLetter>),
    /// The marker of a replay.
    Marker(Marker),
}

impl Entry {
    fn read(message: &BorrowedMessage<'_>) -> Self {
        let marker = message.headers().map(RecordHeaders::read).and_then(|headers| marker(&headers));
        marker.map_or_else(|| Self::DeadLetter(Box::new(DeadLetter::read(message))), Self::Marker)
    }
}

/// The marker in these headers, if they are not those of a dead letter.
fn marker(headers: &RecordHeaders) -> Option<Marker> {
    if headers.last("riveg.error.topic").is_some() {
        return None;
    }
    let text = |name| headers.last(name).and_then(|value| std::str::from_utf8(value).ok());
    Some(Marker {
        record: blake3::Hash::from_hex(text(REPLAYED_RECORD)?).ok()?,
        attempts: text(REPLAY_ATTEMPTS)?.parse().ok()?,
    })
}

impl DeadLetterTopic {
    pub(super) fn open(config: &Config) -> Result<Self, TopicError> {
        let name = config.publish.dead_letter_topic.clone();
        let reader = TopicReader::open(&config.kafka, &name, "riveg-dlq")?;
        Ok(Self { name, reader })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The history of all replays.
    pub(super) fn history(&self) -> Result<History, Failure> {
        let mut history = History::default();
        self.read_from(&self.reader.ranges(None, None)?, |entry| {
            match entry {
                Entry::DeadLetter(letter) => history.add_letter(&letter),
                Entry::Marker(marker) => history.add_marker(marker),
            }
            Ok(true)
        })?;
        Ok(history)
    }

    /// Passes every dead letter to `take` until it returns false.
    pub(super) fn read(
        &self,
        mut take: impl FnMut(DeadLetter) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        self.read_from(&self.reader.ranges(None, None)?, |entry| match entry {
            Entry::DeadLetter(letter) => take(*letter),
            Entry::Marker(_) => Ok(true),
        })
    }

    /// The dead letter at a position.
    pub(super) fn letter_at(&self, position: (i32, i64)) -> Result<Option<DeadLetter>, Failure> {
        let mut found = None;
        self.read_from(&self.from(&BTreeSet::from([position]))?, |entry| {
            if let Entry::DeadLetter(letter) = entry {
                found = Some(*letter).filter(|letter| letter.position == position);
            }
            Ok(false)
        })?;
        Ok(found)
    }

    /// Passes the dead letters at these positions to `take`.
    pub(super) fn read_at(
        &self,
        positions: &[(i32, i64)],
        mut take: impl FnMut(DeadLetter) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut wanted: BTreeSet<(i32, i64)> = positions.iter().copied().collect();
        self.read_from(&self.from(&wanted)?, |entry| {
            if let Entry::DeadLetter(letter) = entry
                && wanted.remove(&letter.position)
            {
                take(*letter)?;
            }
            Ok(!wanted.is_empty())
        })
    }

    /// The ranges from the first of these positions in each partition up to its current end.
    fn from(&self, positions: &BTreeSet<(i32, i64)>) -> Result<Ranges, TopicError> {
        let mut ranges = self.reader.ranges(None, None)?;
        ranges.retain(|partition, (begin, _)| {
            let first = positions.iter().find(|(of, offset)| of == partition && *offset >= *begin);
            first.inspect(|(_, offset)| *begin = *offset).is_some()
        });
        Ok(ranges)
    }

    fn read_from(
        &self,
        ranges: &Ranges,
        mut take: impl FnMut(Entry) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        self.reader.read(ranges, |message| take(Entry::read(message)))
    }
}
