//! Kafka clients that read and write topics and groups independently of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Runtime;

use super::{WITHIN, until};

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

/// An admin client, its options, and a runtime.
fn admin(bootstrap: &str) -> (AdminClient<DefaultClientContext>, AdminOptions, Runtime) {
    let options = AdminOptions::new().operation_timeout(Some(WITHIN));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    (config(bootstrap).create().unwrap(), options, runtime)
}

/// Creates a topic and waits until it can be used.
pub(crate) fn create_topic(bootstrap: &str, topic: &str, partitions: i32) {
    create_topic_with(bootstrap, topic, partitions, &[]);
}

/// The same with topic settings.
pub(crate) fn create_topic_with(bootstrap: &str, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let (admin, options, runtime) = admin(bootstrap);
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let topics = [settings.iter().fold(new, |new, (name, value)| new.set(name, value))];
    // A topic of the same name that was just deleted may still exist.
    until("the topic is made", || {
        let results = runtime.block_on(admin.create_topics(&topics, &options)).unwrap();
        match results.into_iter().next().unwrap() {
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => None,
            result => Some(result.unwrap()),
        }
    });
}

/// Deletes a topic.
pub(crate) fn delete_topic(bootstrap: &str, topic: &str) {
    let (admin, options, runtime) = admin(bootstrap);
    let results = runtime.block_on(admin.delete_topics(&[topic], &options)).unwrap();
    results.into_iter().for_each(|result| {
        result.unwrap();
    });
}

/// Deletes the records of a partition before an offset, as retention does.
pub(crate) fn delete_records(bootstrap: &str, topic: &str, partition: i32, before: i64) {
    let (admin, options, runtime) = admin(bootstrap);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, partition, Offset::Offset(before)).unwrap();
    let deleted = runtime.block_on(admin.delete_records(&offsets, &options)).unwrap();
    deleted.elements().iter().for_each(|element| element.error().unwrap());
}

/// Commits an offset of a group without members.
pub(crate) fn commit(bootstrap: &str, group: &str, topic: &str, partition: i32, offset: i64) {
    let consumer: BaseConsumer = config(bootstrap).set("group.id", group).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    // A coordinator that was just found may still be loading its groups.
    until("the offset is committed", || consumer.commit(&offsets, CommitMode::Sync).ok());
}

/// Writes records to a topic, in order.
pub(crate) struct Writer {
    producer: BaseProducer,
}

impl Writer {
    pub(crate) fn new(bootstrap: &str) -> Self {
        let mut producer = config(bootstrap);
        producer.set("enable.idempotence", "true").set("linger.ms", "5");
        // The broker's maximum.
        let producer = producer.set("message.max.bytes", "8388608").create().unwrap();
        Self { producer }
    }

    pub(crate) fn send(&self, topic: &str, partition: i32, key: Option<&str>, value: Option<&[u8]>) {
        self.send_with(topic, partition, (key, value), OwnedHeaders::new());
    }

    pub(crate) fn send_with(
        &self,
        topic: &str,
        partition: i32,
        (key, value): (Option<&str>, Option<&[u8]>),
        headers: OwnedHeaders,
    ) {
        let mut record = BaseRecord::<str, [u8]>::to(topic).partition(partition).headers(headers);
        record.key = key;
        record.payload = value;
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// A record with a key of any bytes and a given timestamp.
    pub(crate) fn send_at(
        &self,
        topic: &str,
        (key, value): (Option<&[u8]>, &[u8]),
        headers: OwnedHeaders,
        timestamp: i64,
    ) {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).payload(value).headers(headers);
        record.key = key;
        record.timestamp = Some(timestamp);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    pub(crate) fn flush(&self) {
        self.producer.flush(WITHIN).unwrap();
    }
}

/// Reads a topic without a group.
pub(crate) struct TopicReader {
    consumer: BaseConsumer,
    /// Records read so far.
    pub(crate) messages: Vec<OwnedMessage>,
}

/// Reads partitions `0..partitions` of a topic from the beginning.
pub(crate) fn read(bootstrap: &str, topic: &str, partitions: i32) -> TopicReader {
    let consumer: BaseConsumer =
        config(bootstrap).set("group.id", "outside").set("enable.auto.commit", "false").create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    TopicReader { consumer, messages: Vec::new() }
}

impl TopicReader {
    /// Reads until at least `count` records have been read in total.
    pub(crate) fn at_least(&mut self, count: usize) -> &[OwnedMessage] {
        let deadline = Instant::now() + WITHIN;
        while self.messages.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} records came", self.messages.len());
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                self.messages.push(message.detach());
            }
        }
        &self.messages
    }

    /// Reads to the current end of the topic.
    pub(crate) fn all(&mut self, bootstrap: &str, topic: &str) -> &[OwnedMessage] {
        let partitions = self.consumer.assignment().unwrap().count() as i32;
        let count: i64 = log_end(bootstrap, topic, partitions).values().sum();
        self.at_least(usize::try_from(count).unwrap())
    }
}

/// All committed records in partitions `0..partitions` of a topic, partition by partition in order.
pub(crate) fn read_committed(bootstrap: &str, topic: &str, partitions: i32) -> Vec<OwnedMessage> {
    let mut config = config(bootstrap);
    config.set("group.id", "outside").set("enable.auto.commit", "false");
    let config = config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let deadline = Instant::now() + WITHIN;
    let (mut ends, mut messages) = (BTreeSet::new(), Vec::new());
    while ends.len() < list.count() {
        assert!(Instant::now() < deadline, "the end of {topic} is not in sight");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => messages.push(message.detach()),
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(ends.insert(partition)),
            Some(Err(error)) => panic!("{topic}: {error}"),
            None => {}
        }
    }
    messages.sort_by_key(|message| (message.partition(), message.offset()));
    messages
}

/// The offset after the last record of each partition.
pub(crate) fn log_end(bootstrap: &str, topic: &str, partitions: i32) -> BTreeMap<i32, i64> {
    let consumer: BaseConsumer = config(bootstrap).create().unwrap();
    let end = |partition| (partition, consumer.fetch_watermarks(topic, partition, WITHIN).unwrap().1);
    (0..partitions).map(end).collect()
}

/// The committed offsets of a group.
pub(crate) fn committed(bootstrap: &str, group: &str, topic: &str, partitions: i32) -> BTreeMap<i32, i64> {
    let consumer: BaseConsumer = config(bootstrap).set("group.id", group).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    // A coordinator that was just found may still be loading its groups.
    let committed =
        until("the group's coordinator answers", || match consumer.committed_offsets(list.clone(), WITHIN) {
            Ok(committed) => Some(committed),
            Err(error) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::NotCoordinator | RDKafkaErrorCode::CoordinatorLoadInProgress) => None,
                _ => panic!("{error}"),
            },
        });
    let offset = |offset| if let Offset::Offset(offset) = offset { Some(offset) } else { None };
    let elements = committed.elements();
    elements.iter().filter_map(|element| Some((element.partition(), offset(element.offset())?))).collect()
}

/// The value of a text header; `None` if there is none.
pub(crate) fn header<'a>(message: &'a OwnedMessage, name: &str) -> Option<&'a str> {
    let Header { value, .. } = message.headers()?.iter().find(|header| header.key == name)?;
    value.map(|value| std::str::from_utf8(value).unwrap())
}
