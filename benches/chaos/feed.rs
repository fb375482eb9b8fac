//! What is fed, and what of it did the broker take? A seeded stream over all partitions, written once each.

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
use super::broker::{Broker, INPUT, PARTITIONS};
use super::check::{Fate, Fed, POISON};
use super::hostile;

/// Shares of the feed: posts that are made to harm whoever reads them, and posts that are none.
const HOSTILE: f64 = 0.01;
const MALFORMED: f64 = 0.02;

/// A feed under way.
pub(crate) struct Feed {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Fed>>,
}

/// A record of the feed.
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) headers: OwnedHeaders,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) fate: Fate,
}

impl Record {
    /// A record of that value whose key is its post's id.
    pub(crate) fn new(number: usize, value: String, fate: Fate) -> Self {
        Self {
            key: id(number).into_bytes(),
            headers: OwnedHeaders::new(),
            value: Some(value.into_bytes()),
            fate,
        }
    }
}

pub(crate) fn id(number: usize) -> String {
    format!("post-{number}")
}

/// Begins to feed.
pub(crate) fn begin(broker: &Broker, arguments: &Arguments) -> Feed {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap).set("enable.idempotence", "true");
    // What the broker has not taken when it crashes is written when it is there again, once.
    config.set("message.timeout.ms", "0").set("message.max.bytes", "8000000");
    let producer: BaseProducer = config.create().unwrap();
    let mut chance = ChaCha8Rng::seed_from_u64(arguments.seed);
    let total = arguments.seconds as usize * arguments.rate as usize;
    // Deadly posts come within the first two thirds, so that what they do is over before the end.
    let poison: BTreeSet<usize> = (0..arguments.poison)
        .map(|_| chance.random_range(total / 20..(total * 2 / 3).max(total / 20 + 1)))
        .collect();
    let pause = Duration::from_secs(1) / arguments.rate;
    let enough = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&enough);
    let thread = std::thread::spawn(move || {
        let (begun, mut fed) = (Instant::now(), Vec::new());
        while !told.load(Ordering::Relaxed) {
            let number = fed.len();
            let takes = chance.random_range(0..20);
            let record = match () {
                () if poison.contains(&number) => {
                    post(number, takes, r#","kills":true"#, Fate::SetAside(POISON))
                }
                () if chance.random_bool(HOSTILE) => hostile::record(number, &mut chance),
                () if chance.random_bool(MALFORMED) => malformed(number),
                () => post(number, takes, "", Fate::Annotated),
            };
            let (partition, offset) = place(number);
            write(&producer, partition, &record);
            fed.push(Fed { partition, offset, fate: record.fate });
            let due = begun + pause * u32::try_from(fed.len()).unwrap();
            producer.poll(due.saturating_duration_since(Instant::now()));
        }
        producer.flush(Duration::from_secs(120)).unwrap();
        fed
    });
    Feed { enough, thread }
}

fn post(number: usize, takes: u32, more: &str, fate: Fate) -> Record {
    let id = id(number);
    Record::new(number, format!(r#"{{"id":"{id}","text":"","takes":{takes}{more}}}"#), fate)
}

fn malformed(number: usize) -> Record {
    Record::new(number, format!(r#"{{"id":"{}""#, id(number)), Fate::SetAside("malformed"))
}

/// The partition and the offset of the record with that number: records are dealt to the partitions in turn.
fn place(number: usize) -> (i32, i64) {
    let partitions = PARTITIONS as usize;
    ((number % partitions) as i32, (number / partitions) as i64)
}

fn write(producer: &BaseProducer, partition: i32, record: &Record) {
    let mut sent = BaseRecord::<[u8], [u8]>::to(INPUT).partition(partition).key(&record.key);
    sent.payload = record.value.as_deref();
    let mut record = sent.headers(record.headers.clone());
    while let Err((error, back)) = producer.send(record) {
        // A broker that is just coming up knows no topics yet.
        let passes = matches!(
            error.rdkafka_error_code(),
            Some(Code::QueueFull | Code::UnknownTopic | Code::UnknownPartition)
        );
        assert!(passes, "the feed: {error}");
        producer.poll(Duration::from_millis(50));
        record = back;
    }
}

impl Feed {
    /// Feeds no more, and waits until the broker has all of it.
    pub(crate) fn end(self) -> Vec<Fed> {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
