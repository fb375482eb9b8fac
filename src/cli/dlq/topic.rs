//! What lies in the topic of dead letters? Read from outside, without a group, to its end as it is now.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::history::{History, Marker};
use super::letter::Letter;
use crate::cli::Failure;
use crate::cli::brokers::{BrokerError, Brokers, Remembering};
use crate::config::Config;
use crate::kafka::client::{Connection, RecordHeaders};
use crate::kafka::publish::{REPLAY_ATTEMPTS, REPLAYED_RECORD};
use crate::telemetry::Causes;

/// How long nothing may come while the end is not in sight.
const PATIENCE: Duration = Duration::from_secs(30);

/// The topic of dead letters.
pub(super) struct Topic {
    name: String,
    partitions: i32,
    kafka: Connection,
    client: ClientConfig,
}

/// A record of the topic.
enum Entry {
    Letter(Box<Letter>),
    /// Of a replay.
    Marker(Marker),
}

impl Entry {
    fn read(message: &BorrowedMessage<'_>) -> Self {
        let marker = message.headers().map(RecordHeaders::read).and_then(|headers| marker(&headers));
        marker.map_or_else(|| Self::Letter(Box::new(Letter::read(message))), Self::Marker)
    }
}

/// The marker that these headers are of, if they are not of a dead letter.
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

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TopicError {
    #[error("cannot read the topic of dead letters `{topic}`")]
    Broker { topic: String, source: BrokerError },
    #[error("reading the topic of dead letters `{topic}` failed")]
    Read { topic: String, source: KafkaError },
    #[error("nothing came of `{topic}` for {} s, and its end is not in sight", PATIENCE.as_secs())]
    Silent { topic: String },
}

impl Topic {
    pub(super) fn open(config: &Config) -> Result<Self, TopicError> {
        let name = config.publish.dead_letter_topic.clone();
        let broker = |source| TopicError::Broker { topic: name.clone(), source };
        let (_, partitions) =
            Brokers::new(&config.kafka).and_then(|brokers| brokers.topic(&name)).map_err(broker)?;
        let partitions = i32::try_from(partitions.map_err(broker)?).unwrap_or(i32::MAX);
        let mut client = ClientConfig::new();
        client.set("client.id", "riveg-dlq");
        let mut client = config.kafka.over(client);
        // A group must have a name, even where it is not joined.
        client
            .set("group.id", "riveg-dlq")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true");
        Ok(Self { name, partitions, kafka: config.kafka.clone(), client })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How the letters stand.
    pub(super) fn history(&self) -> Result<History, Failure> {
        let mut history = History::default();
        self.each(self.beginning(), |entry| {
            match entry {
                Entry::Letter(letter) => history.saw_letter(&letter),
                Entry::Marker(marker) => history.saw_marker(marker),
            }
            Ok(true)
        })?;
        Ok(history)
    }

    /// Shows every dead letter to `take`, until it wants no more.
    pub(super) fn read(&self, mut take: impl FnMut(Letter) -> Result<bool, Failure>) -> Result<(), Failure> {
        self.each(self.beginning(), |entry| match entry {
            Entry::Letter(letter) => take(*letter),
            Entry::Marker(_) => Ok(true),
        })
    }

    fn beginning(&self) -> impl Iterator<Item = (i32, Offset)> + use<> {
        (0..self.partitions).map(|partition| (partition, Offset::Beginning))
    }

    /// The dead letter at a place.
    pub(super) fn at(&self, place: (i32, i64)) -> Result<Option<Letter>, Failure> {
        let mut found = None;
        if (0..self.partitions).contains(&place.0) && place.1 >= 0 {
            self.each([(place.0, Offset::Offset(place.1))].into_iter(), |entry| {
                if let Entry::Letter(letter) = entry {
                    found = Some(*letter).filter(|letter| letter.place == place);
                }
                Ok(false)
            })?;
        }
        Ok(found)
    }

    /// Shows the dead letters at these places, which are in order within each partition.
    pub(super) fn each_of(
        &self,
        places: &[(i32, i64)],
        mut take: impl FnMut(Letter) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut wanted: std::collections::BTreeSet<(i32, i64)> = places.iter().copied().collect();
        let mut begin: std::collections::BTreeMap<i32, i64> = std::collections::BTreeMap::new();
        for &(partition, offset) in &wanted {
            begin.entry(partition).or_insert(offset);
        }
        let begin = begin.into_iter().map(|(partition, offset)| (partition, Offset::Offset(offset)));
        self.each(begin, |entry| {
            if let Entry::Letter(letter) = entry
                && wanted.remove(&letter.place)
            {
                take(*letter)?;
            }
            Ok(!wanted.is_empty())
        })
    }

    fn each(
        &self,
        begin: impl Iterator<Item = (i32, Offset)>,
        mut take: impl FnMut(Entry) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let failed = |source| TopicError::Read { topic: self.name.clone(), source };
        let context = Remembering::new(self.kafka.secrets());
        let consumer: BaseConsumer<Remembering> = self.kafka.client(&self.client, context).map_err(failed)?;
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
            if last.elapsed() > PATIENCE {
                return Err(TopicError::Silent { topic: self.name.clone() }.into());
            }
        }
        Ok(())
    }
}
