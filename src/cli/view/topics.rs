//! Topics: the posts, answers and dead letters of an engine, followed without a consumer group and without commits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::feed::Feed;
use super::letter;
use super::post_buffer::{PostBuffer, Waiting};
use super::shown_post::ShownPost;
use super::source_post::PostReader;
use crate::cli::brokers::{Brokers, FaultRecorder};
use crate::cli::plain_records::PlainRecords;
use crate::cli::{Failure, with_causes};
use crate::config::Config;
use crate::kafka::publish::formats::reader::{self, ReadAnswer};
use crate::telemetry::Causes;

/// How long one call waits for a record. It bounds the delay of the end.
const POLL: Duration = Duration::from_millis(100);

/// How long a question about offsets may take.
const ASK: Duration = Duration::from_secs(10);

/// Before topics that cannot be read are tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Answers and dead letters before the present that are read first: a page opens with something to see.
const BEFORE: i64 = 200;

/// Posts before the present: those of these answers, and those in flight.
const POSTS_BEFORE: i64 = BEFORE + 400;

/// The client's buffer, in KiB: one viewer needs no more than some batches.
const CLIENT_BUFFER: &str = "16384";

/// Reads topics into a feed.
pub(super) struct TopicFeed {
    config: Config,
    feed: Arc<Feed>,
    reader: PostReader,
    plain: PlainRecords,
    posts: PostBuffer,
    waiting: Waiting<(String, ReadAnswer)>,
    /// Told once: further records of the kind are as wrong.
    has_warned: bool,
}

impl TopicFeed {
    pub(super) fn new(config: &Config, feed: Arc<Feed>) -> Result<Self, Failure> {
        Ok(Self {
            config: config.clone(),
            feed,
            reader: PostReader::new(config),
            plain: PlainRecords::new(config)?,
            posts: PostBuffer::new(config.view.memory.as_u64() / 2),
            waiting: Waiting::default(),
            has_warned: false,
        })
    }

    /// Reads until `closed`. Blocks. Brokers that do not answer and topics that do not exist yet are tried again.
    pub(super) fn run(mut self, closed: &CancellationToken) {
        while !closed.is_cancelled() {
            match self.open() {
                Ok(consumer) => return self.follow(&consumer, closed),
                Err(failure) => {
                    let fault = with_causes(&*failure);
                    warn!(fault, "the page cannot read its topics yet");
                    let tried = Instant::now();
                    while tried.elapsed() < AGAIN && !closed.is_cancelled() {
                        std::thread::sleep(POLL);
                    }
                }
            }
        }
    }

    fn open(&self) -> Result<BaseConsumer<FaultRecorder>, Failure> {
        let kafka = &self.config.kafka;
        let brokers = Brokers::new(kafka)?;
        let mut properties = ClientConfig::new();
        properties.set("client.id", "riveg-view");
        let mut properties = kafka.apply_to(properties);
        // The client requires a group name even if the group is not joined.
        properties
            .set("group.id", "riveg-view")
            .set("enable.auto.commit", "false")
            .set("queued.max.messages.kbytes", CLIENT_BUFFER)
            // An offset may be gone by the time it is read: what is left is read from its beginning.
            .set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer<FaultRecorder> =
            kafka.client(&properties, FaultRecorder::new(kafka.secrets()))?;
        let publish = &self.config.publish;
        let mut list = TopicPartitionList::new();
        for (topic, before) in [(&publish.topic, BEFORE), (&publish.dead_letter_topic, BEFORE)] {
            self.add(&mut list, (&brokers, &consumer), topic, before)?;
        }
        let input = self.config.ingest.topic.clone().without(publish.topics());
        let patterns = input.patterns().next().is_some();
        let named: Vec<String> = input.names().map(str::to_owned).collect();
        let all = if patterns { brokers.topics()? } else { named };
        for topic in all.iter().filter(|topic| input.has(topic)) {
            // Answers are shown without their posts where these may not be read.
            if let Err(failure) = self.add(&mut list, (&brokers, &consumer), topic, POSTS_BEFORE) {
                let fault = with_causes(&*failure);
                warn!(
                    topic,
                    fault, "posts of the topic are not read: the page has neither their texts nor pictures"
                );
            }
        }
        consumer.assign(&list)?;
        Ok(consumer)
    }

    /// Adds the partitions of a topic, from some records before their ends.
    fn add(
        &self,
        list: &mut TopicPartitionList,
        (brokers, consumer): (&Brokers, &BaseConsumer<FaultRecorder>),
        topic: &str,
        before: i64,
    ) -> Result<(), Failure> {
        let (_, partitions) = brokers.topic(topic)?;
        let partitions = i32::try_from(
            partitions.map_err(|error| format!("the topic `{topic}` cannot be read: {}", Causes(&error)))?,
        )?;
        let share = before / i64::from(partitions.max(1)) + 1;
        for partition in 0..partitions {
            let (first, end) = consumer.fetch_watermarks(topic, partition, ASK)?;
            list.add_partition_offset(topic, partition, Offset::Offset(first.max(end - share)))?;
        }
        Ok(())
    }

    fn follow(&mut self, consumer: &BaseConsumer<FaultRecorder>, closed: &CancellationToken) {
        while !closed.is_cancelled() {
            match consumer.poll(POLL) {
                Some(Ok(message)) => self.take(&message),
                Some(Err(KafkaError::PartitionEOF(_))) | None => {}
                Some(Err(error)) => debug!(error = %Causes(&error), "following topics for the page"),
            }
            self.show(Instant::now());
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let publish = &self.config.publish;
        // A record without a value is a deletion.
        let Some(value) = message.payload() else { return };
        if message.topic() == publish.dead_letter_topic {
            if let Some(json) = letter::json(message, &self.reader) {
                self.feed.change(|window| window.push_letter(json));
            }
        } else if message.topic() == publish.topic {
            match self.plain.json(value).and_then(|json| reader::read(&json)) {
                Ok(answer) => {
                    let place = format!("{} {}:{}", message.topic(), message.partition(), message.offset());
                    self.waiting.push((place, answer), Instant::now());
                }
                Err(fault) if !self.has_warned => {
                    self.has_warned = true;
                    let (partition, offset) = (message.partition(), message.offset());
                    warn!(
                        partition,
                        offset, fault, "no answer of `riveg`: the page passes over such records"
                    );
                }
                Err(_) => {}
            }
        } else {
            let topic: Arc<str> = message.topic().into();
            let json = self.plain.json(value).unwrap_or_else(|_| Bytes::copy_from_slice(value));
            self.reader.read(&json, Some(&topic)).into_iter().for_each(|post| self.posts.push(post));
        }
    }

    /// Shows the answers whose posts are there, and those that have waited.
    fn show(&mut self, now: Instant) {
        let posts = &self.posts;
        let ready = self.waiting.take(now, |(_, answer)| posts.get(&answer.annotated.post_id).is_some());
        for (place, answer) in ready {
            let source = self.posts.get(&answer.annotated.post_id).cloned();
            let post = ShownPost::new(answer, source.as_deref(), &place);
            self.feed.change(|window| window.push_post(post));
        }
    }
}
