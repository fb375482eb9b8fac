//! Plain loop: what a Kafka client does without an engine. Each record is read, another one is written in its place, and
//! its offset is committed after the broker has acknowledged that one.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use super::broker::{INPUTS, OUTPUT};

/// How often offsets are committed: as often as the worker does.
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    pub(crate) bootstrap: String,
    /// Records that there are.
    #[arg(long)]
    pub(crate) records: usize,
    /// Bytes of each record that is written.
    #[arg(long)]
    pub(crate) bytes: usize,
}

/// Counts the records that the broker has acknowledged.
#[derive(Clone, Default)]
struct Acknowledged(Arc<AtomicUsize>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "the plain loop: a record was not delivered");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Prints the seconds from the first record to the last commit.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &arguments.bootstrap);
    let acknowledged = Acknowledged::default();
    let producer: ThreadedProducer<Acknowledged> =
        config.clone().set("linger.ms", "5").create_with_context(acknowledged.clone()).unwrap();
    config.set("group.id", "plain").set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[INPUTS[0]]).unwrap();
    let answer = vec![b'x'; arguments.bytes];
    let (mut read, mut started, mut committed) = (0, None, Instant::now());
    while read < arguments.records {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        started.get_or_insert_with(Instant::now);
        let mut record = BaseRecord::to(OUTPUT).key(message.key().unwrap_or_default()).payload(&answer);
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            producer.flush(Duration::from_millis(20)).ok();
            record = back;
        }
        read += 1;
        if committed.elapsed() >= COMMIT_INTERVAL {
            producer.flush(Duration::from_secs(60)).unwrap();
            consumer.commit_consumer_state(CommitMode::Async).unwrap();
            committed = Instant::now();
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    assert_eq!(acknowledged.0.load(Ordering::Relaxed), read, "every record was acknowledged");
    println!("{}", started.unwrap_or_else(Instant::now).elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
