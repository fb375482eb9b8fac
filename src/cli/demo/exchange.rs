//! Exchange with an engine over Kafka: a producer sends posts, a consumer reads their answers.
//!
//! The embedded broker deletes records beyond its size, so the bytes in flight are limited to what it keeps.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::triples;
use crate::telemetry::LatencyRecorder;

/// The topics of one engine.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    pub(super) bootstrap: String,
    pub(super) input: String,
    pub(super) output: String,
    pub(super) dead_letters: String,
    /// The topic of triples, if they are printed.
    pub(super) triples: Option<String>,
    /// Partitions of each topic.
    pub(super) partitions: i32,
}

/// The most posts and bytes in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SendWindow {
    pub(super) posts: usize,
    pub(super) bytes: usize,
}

/// One input record.
#[derive(Debug, Clone)]
pub(super) struct InputRecord<'a> {
    pub(super) id: &'a str,
    pub(super) value: &'a [u8],
}

/// All answers.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Output records by the post's id.
    pub(super) answers: HashMap<String, Vec<u8>>,
    /// Reasons of rejection by the post's id.
    pub(super) rejected: HashMap<String, String>,
    /// From the first post sent to the last answer read.
    pub(super) took: Duration,
    /// From the timestamp of a post's record until its answer was read.
    pub(super) end_to_end: LatencyRecorder,
}

/// Why answers are missing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("failed to {doing}")]
    Client { doing: &'static str, source: KafkaError },
    #[error("no answer came for {} s, after {answered} of {posts}", MAX_SILENCE.as_secs())]
    Silence { answered: usize, posts: usize },
    #[error("failed to print a triple")]
    Print(#[source] io::Error),
    #[error("stopped after {answered} of {posts} answers")]
    Stopped { answered: usize, posts: usize },
}

/// Bytes in flight: the broker keeps 5 MiB of a partition, and chance may put all posts into one.
pub(super) const WINDOW_BYTES: usize = 4 << 20;

/// The longest silence of an engine: far longer than any batch takes, short enough for a user at a terminal.
const MAX_SILENCE: Duration = Duration::from_secs(120);

/// The longest wait for an answer before the next post may be sent.
const POLL: Duration = Duration::from_millis(10);

/// The longest silence before the last triples are thought to be there: they are written with the answers.
const LAST_TRIPLES: Duration = Duration::from_millis(500);

/// The time limit of the final flush.
const FLUSH: Duration = Duration::from_secs(10);

impl Exchange {
    fn settled(&self) -> usize {
        self.answers.len() + self.rejected.len()
    }
}

/// Sends all posts, keyed by id, and reads until each has an answer. Blocks; stops if `is_over` returns true. Calls
/// `progress` with the number of answers.
pub(super) fn exchange(
    topics: &Topics,
    posts: &[InputRecord<'_>],
    window: SendWindow,
    is_over: impl Fn() -> bool,
    mut progress: impl FnMut(usize),
) -> Result<Exchange, ExchangeError> {
    let producer = producer(topics)?;
    let consumer = consumer(topics)?;
    let mut done = Exchange::default();
    let mut waiting: HashMap<&str, (SystemTime, usize)> = HashMap::new();
    let (mut bytes, mut next) = (0, 0);
    let began = Instant::now();
    let mut last_answer = began;
    while done.settled() < posts.len() {
        while let Some(post) = posts.get(next).filter(|post| window.has_room(waiting.len(), bytes, post)) {
            let sent = SystemTime::now();
            send(&producer, &topics.input, post, sent)?;
            waiting.insert(post.id, (sent, post.value.len()));
            bytes += post.value.len();
            next += 1;
        }
        producer.poll(Duration::ZERO);
        let Some(message) = consumer.poll(POLL) else {
            let (answered, posts) = (done.settled(), posts.len());
            if is_over() {
                return Err(ExchangeError::Stopped { answered, posts });
            }
            if last_answer.elapsed() > MAX_SILENCE {
                return Err(ExchangeError::Silence { answered, posts });
            }
            continue;
        };
        let message = message.map_err(|source| ExchangeError::Client { doing: "read answers", source })?;
        if Some(message.topic()) == topics.triples.as_deref() {
            print_triple(&message)?;
            continue;
        }
        let id = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
        last_answer = Instant::now();
        // At least once: a second answer is ignored, and so is the answer to an unknown post.
        let Some((sent, size)) = waiting.remove(id.as_str()) else { continue };
        bytes -= size;
        done.end_to_end.record(sent.elapsed().unwrap_or_default());
        if message.topic() == topics.dead_letters {
            done.rejected.insert(id, reason(&message));
        } else {
            done.answers.insert(id, message.payload().unwrap_or_default().to_vec());
        }
        progress(done.settled());
    }
    done.took = last_answer.duration_since(began);
    // Those of the last posts may come after their answers.
    while let Some(Ok(message)) = topics.triples.as_ref().and_then(|_| consumer.poll(LAST_TRIPLES)) {
        print_triple(&message)?;
    }
    producer.flush(FLUSH).map_err(|source| ExchangeError::Client { doing: "send posts", source })?;
    Ok(done)
}

impl SendWindow {
    /// Whether one more post may be sent. A post larger than the window is sent alone.
    fn has_room(self, posts: usize, bytes: usize, next: &InputRecord<'_>) -> bool {
        posts == 0 || (posts < self.posts && bytes + next.value.len() <= self.bytes)
    }
}

fn print_triple(message: &BorrowedMessage<'_>) -> Result<(), ExchangeError> {
    match triples::line(message.payload().unwrap_or_default()) {
        Some(line) => writeln!(io::stdout(), "{line}").map_err(ExchangeError::Print),
        None => Ok(()),
    }
}

fn producer(topics: &Topics) -> Result<BaseProducer, ExchangeError> {
    let client = ClientConfig::new()
        .set("bootstrap.servers", &topics.bootstrap)
        .set("client.id", "riveg-demo")
        // The partitioner of most producers.
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "2")
        .set("message.max.bytes", "67108864")
        .create();
    client.map_err(|source| ExchangeError::Client { doing: "connect a producer", source })
}

/// A consumer of the output and dead-letter topic from their beginning, without a group.
fn consumer(topics: &Topics) -> Result<BaseConsumer, ExchangeError> {
    let failed = |source| ExchangeError::Client { doing: "connect a consumer", source };
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &topics.bootstrap)
        .set("client.id", "riveg-demo")
        .set("group.id", "riveg-demo")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()
        .map_err(failed)?;
    let mut list = TopicPartitionList::new();
    for topic in [&topics.output, &topics.dead_letters].into_iter().chain(&topics.triples) {
        for partition in 0..topics.partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).map_err(failed)?;
        }
    }
    consumer.assign(&list).map_err(failed)?;
    Ok(consumer)
}

fn send(
    producer: &BaseProducer,
    topic: &str,
    post: &InputRecord<'_>,
    now: SystemTime,
) -> Result<(), ExchangeError> {
    let millis = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let record = BaseRecord::to(topic)
        .key(post.id)
        .payload(post.value)
        .timestamp(i64::try_from(millis).unwrap_or(i64::MAX));
    producer.send(record).map_err(|(source, _)| ExchangeError::Client { doing: "send a post", source })
}

/// The reason in a dead letter.
fn reason(message: &BorrowedMessage<'_>) -> String {
    let header = |name: &str| {
        let headers = message.headers()?;
        let found = headers.iter().find(|header| header.key == name)?;
        Some(String::from_utf8_lossy(found.value?).into_owned())
    };
    header("riveg.error.message").unwrap_or_else(|| "no reason given".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_sent_ahead_than_the_broker_keeps_but_one_post_always_goes() {
        let window = SendWindow { posts: 2, bytes: 10 };
        let post = |bytes: &'static [u8]| InputRecord { id: "p", value: bytes };
        for (posts, bytes, next, expected) in [
            (0, 0, post(b"123456789012345"), true),
            (1, 5, post(b"12345"), true),
            (1, 5, post(b"123456"), false),
            (2, 2, post(b"1"), false),
        ] {
            assert_eq!(window.has_room(posts, bytes, &next), expected, "{posts} posts of {bytes} bytes");
        }
    }
}
