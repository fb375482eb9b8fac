//! Feed: a seeded stream of records over all partitions, each written exactly once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::Arguments;
use super::broker::{Broker, INPUTS, PARTITIONS};
use super::check::{Expected, POISON, SentRecord};
use super::hostile;

/// Shares of hostile posts and of malformed records in the feed.
const HOSTILE: f64 = 0.01;
const MALFORMED: f64 = 0.02;

/// A running feed.
pub(crate) struct Feed {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<Vec<SentRecord>>,
}

/// A record of the feed.
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) headers: OwnedHeaders,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) expected: Expected,
}

impl Record {
    /// A record whose key is the id of its post.
    pub(crate) fn new(number: usize, value: String, expected: Expected) -> Self {
        Self {
            key: id(number).into_bytes(),
            headers: OwnedHeaders::new(),
            value: Some(value.into_bytes()),
            expected,
        }
    }
}

pub(crate) fn id(number: usize) -> String {
    format!("post-{number}")
}

/// Starts the feed.
pub(crate) fn start(broker: &Broker, arguments: &Arguments) -> Feed {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap).set("enable.idempotence", "true");
    // Records that the broker has not acknowledged when it crashes are written once after its restart.
    config.set("message.timeout.ms", "0").set("message.max.bytes", "8000000");
    let producer: BaseProducer = config.create().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let total = arguments.seconds as usize * arguments.rate as usize;
    // Poison posts come within the first two thirds, so that their effects are over before the end.
    let poison: BTreeSet<usize> = (0..arguments.poison)
        .map(|_| rng.random_range(total / 20..(total * 2 / 3).max(total / 20 + 1)))
        .collect();
    let pause = Duration::from_secs(1) / arguments.rate;
    let stopped = Arc::new(AtomicBool::new(false));
    let is_stopped = Arc::clone(&stopped);
    let thread = std::thread::spawn(move || {
        let (started, mut sent) = (Instant::now(), Vec::new());
        while !is_stopped.load(Ordering::Relaxed) {
            let number = sent.len();
            let takes = rng.random_range(0..20);
            let record = match () {
                () if poison.contains(&number) => {
                    post(number, takes, r#","kills":true"#, Expected::DeadLetter(POISON))
                }
                () if rng.random_bool(HOSTILE) => hostile::record(number, &mut rng),
                () if rng.random_bool(MALFORMED) => malformed(number),
                () => post(number, takes, "", Expected::Annotated),
            };
            let (topic, partition, offset) = position(number);
            write(&producer, (topic, partition), &record);
            sent.push(SentRecord { topic, partition, offset, expected: record.expected });
            let due = started + pause * u32::try_from(sent.len()).unwrap();
            producer.poll(due.saturating_duration_since(Instant::now()));
        }
        producer.flush(Duration::from_secs(120)).unwrap();
        sent
    });
    Feed { stopped, thread }
}

fn post(number: usize, takes: u32, more: &str, expected: Expected) -> Record {
    let id = id(number);
    Record::new(number, format!(r#"{{"id":"{id}","text":"","takes":{takes}{more}}}"#), expected)
}

fn malformed(number: usize) -> Record {
    Record::new(number, format!(r#"{{"id":"{}""#, id(number)), Expected::DeadLetter("malformed"))
}

/// Topic, partition and offset of the record with a number: records go to the topics, and in each to the partitions, in
/// turn.
fn position(number: usize) -> (&'static str, i32, i64) {
    let (topics, partitions) = (INPUTS.len(), PARTITIONS as usize);
    let within = number / topics;
    (INPUTS[number % topics], (within % partitions) as i32, (within / partitions) as i64)
}

fn write(producer: &BaseProducer, (topic, partition): (&str, i32), record: &Record) {
    let mut record_to_send = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).key(&record.key);
    record_to_send.payload = record.value.as_deref();
    let mut record = record_to_send.headers(record.headers.clone());
    while let Err((error, back)) = producer.send(record) {
        // A starting broker does not know its topics yet.
        let is_temporary = matches!(
            error.rdkafka_error_code(),
            Some(Code::QueueFull | Code::UnknownTopic | Code::UnknownPartition)
        );
        assert!(is_temporary, "the feed: {error}");
        producer.poll(Duration::from_millis(50));
        record = back;
    }
}

impl Feed {
    /// Stops the feed and waits until the broker has acknowledged all of it.
    pub(crate) fn finish(self) -> Vec<SentRecord> {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
