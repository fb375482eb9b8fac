//! Reader of the dead-letter topic: without a consumer group, up to its current end.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::dead_letter::DeadLetter;
use super::replay_history::{History, Marker};
use crate::cli::Failure;
use crate::cli::brokers::{BrokerError, Brokers, FaultRecorder};
use crate::config::Config;
use crate::kafka::client::{Connection, RecordHeaders};
use crate::kafka::publish::{REPLAY_ATTEMPTS, REPLAYED_RECORD};
use crate::telemetry::Causes;

/// The longest silence before the end of the topic is reached.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The topic of dead letters.
pub(super) struct DeadLetterTopic {
    name: String,
    partitions: i32,
    kafka: Connection,
    client: ClientConfig,
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

/// Why the topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TopicError {
    #[error("cannot read the topic of dead letters `{topic}`")]
    Broker { topic: String, source: BrokerError },
    #[error("reading the topic of dead letters `{topic}` failed")]
    Read { topic: String, source: KafkaError },
    #[error("nothing came of `{topic}` for {} s, and its end is not in sight", READ_TIMEOUT.as_secs())]
    Silent { topic: String },
}

impl DeadLetterTopic {
    pub(super) fn open(config: &Config) -> Result<Self, TopicError> {
        let name = config.publish.dead_letter_topic.clone();
        let broker = |source| TopicError::Broker { topic: name.clone(), source };
        let (_, partitions) =
            Brokers::new(&config.kafka).and_then(|brokers| brokers.topic(&name)).map_err(broker)?;
        let partitions = i32::try_from(partitions.map_err(broker)?).unwrap_or(i32::MAX);
        let mut client = ClientConfig::new();
        client.set("client.id", "riveg-dlq");
        let mut client = config.kafka.apply_to(client);
        // The client requires a group name even if the group is not joined.
        client
            .set("group.id", "riveg-dlq")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true");
        Ok(Self { name, partitions, kafka: config.kafka.clone(), client })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The history of all replays.
    pub(super) fn history(&self) -> Result<History, Failure> {
        let mut history = History::default();
        self.read_from(self.beginning(), |entry| {
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
        self.read_from(self.beginning(), |entry| match entry {
            Entry::DeadLetter(letter) => take(*letter),
            Entry::Marker(_) => Ok(true),
        })
    }

    fn beginning(&self) -> impl Iterator<Item = (i32, Offset)> + use<> {
        (0..self.partitions).map(|partition| (partition, Offset::Beginning))
    }

    /// The dead letter at a position.
    pub(super) fn letter_at(&self, position: (i32, i64)) -> Result<Option<DeadLetter>, Failure> {
        let mut found = None;
        if (0..self.partitions).contains(&position.0) && position.1 >= 0 {
            self.read_from([(position.0, Offset::Offset(position.1))].into_iter(), |entry| {
                if let Entry::DeadLetter(letter) = entry {
                    found = Some(*letter).filter(|letter| letter.position == position);
                }
                Ok(false)
            })?;
        }
        Ok(found)
    }

    /// Passes the dead letters at these positions to `take`.
    pub(super) fn read_at(
        &self,
        positions: &[(i32, i64)],
        mut take: impl FnMut(DeadLetter) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut wanted: std::collections::BTreeSet<(i32, i64)> = positions.iter().copied().collect();
        let mut begin: std::collections::BTreeMap<i32, i64> = std::collections::BTreeMap::new();
        for &(partition, offset) in &wanted {
            begin.entry(partition).or_insert(offset);
        }
        let begin = begin.into_iter().map(|(partition, offset)| (partition, Offset::Offset(offset)));
        self.read_from(begin, |entry| {
            if let Entry::DeadLetter(letter) = entry
                && wanted.remove(&letter.position)
            {
                take(*letter)?;
            }
            Ok(!wanted.is_empty())
        })
    }

    fn read_from(
        &self,
        begin: impl Iterator<Item = (i32, Offset)>,
        mut take: impl FnMut(Entry) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let failed = |source| TopicError::Read { topic: self.name.clone(), source };
        let context = FaultRecorder::new(self.kafka.secrets());
        let consumer: BaseConsumer<FaultRecorder> =
            self.kafka.client(&self.client, context).map_err(failed)?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in begin {
            list.add_partition_offset(&self.name, partition, offset).map_err(failed)?;
        }
        if list.count() == 0 {
            return Ok(());
        }
        consumer.assign(&list).map_err(failed)?;
        let mut unread = list.count();
        let mut last = Instant::now();
        while unread > 0 {
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    last = Instant::now();
                    if !take(Entry::read(&message))? {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    // What is written from now on is not waited for.
                    let mut done = TopicPartitionList::new();
                    done.add_partition(&self.name, partition);
                    consumer.pause(&done).map_err(failed)?;
                    unread -= 1;
                    last = Instant::now();
                }
                Some(Err(error)) => tracing::debug!(error = %Causes(&error), "reading dead letters"),
                None => {}
            }
            if last.elapsed() > READ_TIMEOUT {
                return Err(TopicError::Silent { topic: self.name.clone() }.into());
            }
        }
        Ok(())
    }
}
