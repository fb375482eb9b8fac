//! Reader of a topic between two points: without a consumer group, up to ends that are known when it starts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::Failure;
use super::brokers::{BrokerError, Brokers, FaultRecorder};
use crate::kafka::client::Connection;
use crate::telemetry::Causes;

/// The longest silence before an end is reached, and the longest wait for an answer about offsets.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one call waits for a record. It bounds the delay of a stop.
const POLL: Duration = Duration::from_millis(200);

/// A topic that is open for reading.
pub(super) struct TopicReader {
    kafka: Connection,
    /// The name that brokers log.
    client: String,
    name: String,
    partitions: Vec<i32>,
    /// Answers about offsets. Each read has a consumer of its own: one that was used for a second
    /// read stood still at times.
    consumer: BaseConsumer<FaultRecorder>,
}

/// The offsets to read of each partition: the first, and the one past the last.
pub(super) type Ranges = BTreeMap<i32, (i64, i64)>;

/// Why the topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TopicError {
    #[error("cannot read the topic `{topic}`")]
    Broker { topic: String, source: BrokerError },
    #[error("reading the topic `{topic}` failed")]
    Read { topic: String, source: KafkaError },
    #[error("nothing came of `{topic}` for {} s, and its end is not in sight", READ_TIMEOUT.as_secs())]
    Silent { topic: String },
}

impl TopicReader {
    /// Opens a topic. `client`: the name that brokers log.
    pub(super) fn open(kafka: &Connection, name: &str, client: &str) -> Result<Self, TopicError> {
        let broker = |source| TopicError::Broker { topic: name.to_owned(), source };
        let (_, partitions) = Brokers::new(kafka).and_then(|brokers| brokers.topic(name)).map_err(broker)?;
        let partitions = i32::try_from(partitions.map_err(broker)?).unwrap_or(i32::MAX);
        let consumer =
            consumer(kafka, client).map_err(|source| TopicError::Read { topic: name.to_owned(), source })?;
        Ok(Self {
            kafka: kafka.clone(),
            client: client.to_owned(),
            name: name.to_owned(),
            partitions: (0..partitions).collect(),
            consumer,
        })
    }

    /// The ranges of the records that were written from a time on and before another, and that are there now.
    pub(super) fn ranges(
        &self,
        from: Option<SystemTime>,
        to: Option<SystemTime>,
    ) -> Result<Ranges, TopicError> {
        let mut ranges = Ranges::new();
        for &partition in &self.partitions {
            let ends = self.consumer.fetch_watermarks(&self.name, partition, READ_TIMEOUT);
            ranges.insert(partition, ends.map_err(|source| self.failed(source))?);
        }
        if let Some(from) = from {
            self.at(from, &mut ranges, |range, offset| range.0 = offset.clamp(range.0, range.1))?;
        }
        if let Some(to) = to {
            self.at(to, &mut ranges, |range, offset| range.1 = offset.clamp(range.0, range.1))?;
        }
        Ok(ranges)
    }

    /// Changes each range by the offset of the first record at this time or later; by the end if there is none.
    fn at(
        &self,
        time: SystemTime,
        ranges: &mut Ranges,
        change: impl Fn(&mut (i64, i64), i64),
    ) -> Result<(), TopicError> {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut asked = TopicPartitionList::new();
        for &partition in &self.partitions {
            let time = Offset::Offset(i64::try_from(millis).unwrap_or(i64::MAX));
            asked.add_partition_offset(&self.name, partition, time).map_err(|source| self.failed(source))?;
        }
        let found =
            self.consumer.offsets_for_times(asked, READ_TIMEOUT).map_err(|source| self.failed(source))?;
        for element in found.elements() {
            if let Some(range) = ranges.get_mut(&element.partition()) {
                let offset = match element.offset() {
                    Offset::Offset(offset) => offset,
                    _ => range.1,
                };
                change(range, offset);
            }
        }
        Ok(())
    }

    /// Passes the records of these ranges to `take` until it returns false.
    pub(super) fn read(
        &self,
        ranges: &Ranges,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut unread: BTreeMap<i32, i64> = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for (&partition, &(begin, end)) in ranges.iter().filter(|(_, (begin, end))| begin < end) {
            let begin = Offset::Offset(begin);
            list.add_partition_offset(&self.name, partition, begin).map_err(|source| self.failed(source))?;
            unread.insert(partition, end);
        }
        if unread.is_empty() {
            return Ok(());
        }
        let consumer = self.assigned(&list)?;
        let mut last = Instant::now();
        while !unread.is_empty() {
            let mut done = None;
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    last = Instant::now();
                    let (partition, offset) = (message.partition(), message.offset());
                    if let Some(&end) = unread.get(&partition) {
                        if offset < end && !take(&message)? {
                            return Ok(());
                        }
                        done = Some(partition).filter(|_| offset + 1 >= end);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    last = Instant::now();
                    done = Some(partition);
                }
                Some(Err(error)) => tracing::debug!(error = %Causes(&error), "reading a topic"),
                None => {}
            }
            if let Some(partition) = done.filter(|partition| unread.remove(partition).is_some()) {
                // What is written from now on is not waited for.
                let mut finished = TopicPartitionList::new();
                finished.add_partition(&self.name, partition);
                consumer.pause(&finished).map_err(|source| self.failed(source))?;
            }
            if last.elapsed() > READ_TIMEOUT {
                return Err(TopicError::Silent { topic: self.name.clone() }.into());
            }
        }
        Ok(())
    }

    /// Passes records to `take` as they are written, from these offsets on, until it returns false.
    pub(super) fn follow(
        &self,
        begin: &Ranges,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut list = TopicPartitionList::new();
        for (&partition, &(begin, _)) in begin {
            let begin = Offset::Offset(begin);
            list.add_partition_offset(&self.name, partition, begin).map_err(|source| self.failed(source))?;
        }
        let consumer = self.assigned(&list)?;
        loop {
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    if !take(&message)? {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) | None => {}
                Some(Err(error)) => tracing::debug!(error = %Causes(&error), "following a topic"),
            }
        }
    }

    /// A consumer that reads these partitions from these offsets on.
    fn assigned(&self, list: &TopicPartitionList) -> Result<BaseConsumer<FaultRecorder>, TopicError> {
        let consumer = consumer(&self.kafka, &self.client).map_err(|source| self.failed(source))?;
        consumer.assign(list).map_err(|source| self.failed(source))?;
        Ok(consumer)
    }

    fn failed(&self, source: KafkaError) -> TopicError {
        TopicError::Read { topic: self.name.clone(), source }
    }
}

fn consumer(kafka: &Connection, client: &str) -> Result<BaseConsumer<FaultRecorder>, KafkaError> {
    let mut properties = ClientConfig::new();
    properties.set("client.id", client);
    let mut properties = kafka.apply_to(properties);
    // The client requires a group name even if the group is not joined.
    properties
        .set("group.id", client)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        // An offset may be gone by the time it is read: what is left is read from its beginning.
        .set("auto.offset.reset", "earliest");
    kafka.client(&properties, FaultRecorder::new(kafka.secrets()))
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::*;

    #[test]
    fn a_topic_that_is_read_again_is_read_from_its_beginning() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("dead", 2, 1).unwrap();
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        for partition in [0, 0, 1] {
            producer
                .send(BaseRecord::<(), str>::to("dead").partition(partition).payload("letter"))
                .map_err(|(error, _)| error)
                .unwrap();
        }
        producer.flush(READ_TIMEOUT).unwrap();
        let kafka = Connection::to(&cluster.bootstrap_servers());
        let reader = TopicReader::open(&kafka, "dead", "test").unwrap();
        // A consumer that was assigned the same partitions again stood still in about one of a hundred reads.
        for round in 0..25 {
            let mut read = 0;
            let ranges = reader.ranges(None, None).unwrap();
            let counted = reader.read(&ranges, |_| {
                read += 1;
                Ok(true)
            });
            assert!(counted.is_ok() && read == 3, "{read} records in round {round}: {counted:?}");
        }
    }
}
