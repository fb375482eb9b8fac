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
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::Arguments;
use super::broker::{Broker, INPUT, PARTITIONS};
use super::check::{Fate, Fed, id};

/// A feed under way.
pub(crate) struct Feed {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Fed>,
}

/// Begins to feed.
pub(crate) fn begin(broker: &Broker, arguments: &Arguments) -> Feed {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap).set("enable.idempotence", "true");
    // What the broker has not taken when it crashes is written when it is there again, once.
    let producer: BaseProducer = config.set("message.timeout.ms", "0").create().unwrap();
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
        let (begun, mut fed) = (Instant::now(), Fed::default());
        while !told.load(Ordering::Relaxed) {
            let number = fed.posts.len();
            let fate = match () {
                () if poison.contains(&number) => Fate::Poison,
                () if chance.random_bool(0.02) => Fate::Malformed,
                () => Fate::Annotated,
            };
            write(&producer, number, fate, chance.random_range(0..20));
            fed.posts.push(fate);
            let due = begun + pause * u32::try_from(fed.posts.len()).unwrap();
            producer.poll(due.saturating_duration_since(Instant::now()));
        }
        producer.flush(Duration::from_secs(120)).unwrap();
        fed
    });
    Feed { enough, thread }
}

fn write(producer: &BaseProducer, number: usize, fate: Fate, takes: u32) {
    let id = id(number);
    let value = match fate {
        Fate::Annotated => format!(r#"{{"id":"{id}","takes":{takes}}}"#),
        Fate::Malformed => format!(r#"{{"id":"{id}""#),
        Fate::Poison => format!(r#"{{"id":"{id}","takes":{takes},"kills":true}}"#),
    };
    let partition = i32::try_from(number).unwrap() % PARTITIONS;
    let mut record = BaseRecord::to(INPUT).partition(partition).key(&id).payload(&value);
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
    pub(crate) fn end(self) -> Fed {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
