//! Lag metrics with a real Kafka: in records and in seconds, also while reading is paused, and only from the engine
//! that owns the partition.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::message::OwnedHeaders;

use crate::kafka::{EchoPipeline, RunningEngine, TestTopics, post};
use crate::support::{Writer, until};

const PARTITIONS: usize = 2;
const POSTS: usize = 12;
/// How long ago the posts were written.
const AGE: Duration = Duration::from_secs(300);

/// The values of a family, by partition.
fn by_partition(engine: &RunningEngine, family: &str) -> BTreeMap<String, f64> {
    let text = engine.metrics.render();
    let series = text.lines().filter_map(|line| line.strip_prefix(family)?.strip_prefix("{partition=\""));
    let value = |line: &str| {
        let (partition, rest) = line.split_once('"')?;
        Some((partition.to_owned(), rest.rsplit(' ').next()?.parse().ok()?))
    };
    series.filter_map(value).collect()
}

fn records(engine: &RunningEngine) -> BTreeMap<String, f64> {
    by_partition(engine, "riveg_consumer_lag_records")
}

fn seconds(engine: &RunningEngine) -> BTreeMap<String, f64> {
    by_partition(engine, "riveg_consumer_lag_seconds")
}

fn feed(names: &TestTopics) {
    let writer = Writer::new(&names.bootstrap);
    let written = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - AGE;
    for number in 0..POSTS {
        let id = number.to_string();
        let timestamp = i64::try_from(written.as_millis()).unwrap();
        writer.send_at(&names.input, (Some(id.as_bytes()), &post(&id)), OwnedHeaders::new(), timestamp);
    }
    writer.flush();
}

#[test]
fn lag_is_reported_in_records_and_seconds_by_the_engine_that_owns_the_partition() {
    let names = TestTopics::with_topics(PARTITIONS as i32);
    feed(&names);
    // Room for three: the others are unread, and reading is paused.
    let echo = EchoPipeline::gated();
    let mut settings = names.settings(3);
    settings.kafka.properties.insert("statistics.interval.ms".to_owned(), "100".to_owned());
    let engine = RunningEngine::start(settings, &echo);
    until("all waiting records are reported", || {
        (engine.gauge("riveg_paused_partitions") == PARTITIONS as u64).then_some(())?;
        (records(&engine).values().sum::<f64>() == POSTS as f64).then_some(())
    });
    let oldest = seconds(&engine).values().copied().fold(0.0, f64::max);
    let age = AGE.as_secs_f64();
    assert!((age..age + 120.0).contains(&oldest), "{oldest} s");
    // The age is computed at each scrape.
    until("the age grows", || (seconds(&engine).values().any(|&now| now > oldest)).then_some(()));

    echo.gate.add_permits(POSTS);
    let nothing: BTreeMap<String, f64> =
        (0..PARTITIONS).map(|partition| (partition.to_string(), 0.0)).collect();
    until("no record waits", || (records(&engine) == nothing && seconds(&engine) == nothing).then_some(()));
    // Both clients report statistics, each about its own broker.
    let said = until("both clients have reported their broker", || {
        let text = engine.metrics.render();
        let told = |client: &str| {
            text.lines().any(|line| {
                line.starts_with("riveg_kafka_rtt_seconds{") && line.contains(&format!("client=\"{client}\""))
            })
        };
        (told("consumer") && told("producer")).then_some(text)
    });
    for (client, family) in [("consumer", "received"), ("producer", "sent")] {
        let series = format!("riveg_kafka_{family}_bytes_total{{client=\"{client}\"}} ");
        let bytes = said.lines().find_map(|line| line.strip_prefix(&series)?.parse::<f64>().ok()).unwrap();
        assert!(bytes > 100.0, "{series}{bytes}");
    }

    let other = RunningEngine::start(names.settings(3), &EchoPipeline::open());
    until("each partition is reported by one of both", || {
        let (mine, others) = (records(&engine), records(&other));
        let both = mine.keys().chain(others.keys());
        (mine.len() == 1
            && others.len() == 1
            && both.eq(seconds(&engine).keys().chain(seconds(&other).keys())))
        .then_some(())
    });
    other.stop().unwrap();
    engine.stop().unwrap();
}
