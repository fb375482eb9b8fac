//! Faults: a missing topic, a missing output topic or an unreachable broker is reported, and used when it is available.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use riveg::engine::{EngineError, Summary};

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Forwarder, Writer, broker, create_topic, read, until};

fn one_post(names: &TestTopics) {
    let writer = Writer::new(broker());
    writer.send(&names.input, 0, Some("a"), Some(&post("a")));
    writer.flush();
}

fn readiness(engine: &RunningEngine, contains: &[&str]) {
    until(&format!("readiness says {contains:?}"), || {
        engine
            .health
            .ready(Instant::now())
            .err()
            .filter(|words| contains.iter().all(|part| words.contains(part)))
    });
    engine.health.alive(Instant::now()).expect("an engine that waits is alive");
}

const ONE: Summary = Summary { posts_in: 1, annotations: 1, dead_letters: 0, uncommitted: 0 };

#[test]
fn a_missing_topic_is_named_and_read_once_it_exists() {
    let names = TestTopics::new(broker());
    create_topic(broker(), &names.output, 1);
    let engine = RunningEngine::start(names.settings(4), &EchoPipeline::open());
    readiness(&engine, &[&format!("topic `{}` does not exist", names.input), broker()]);
    create_topic(broker(), &names.input, 1);
    one_post(&names);
    read(broker(), &names.output, 1).at_least(1);
    until("the engine is ready", || engine.health.ready(Instant::now()).ok());
    assert_eq!(engine.stop().unwrap(), ONE);
}

#[test]
fn a_broker_that_is_unreachable_at_start_is_named_and_used_once_it_is_reachable() {
    let late = Forwarder::closed();
    let mut names = TestTopics::new(broker());
    create_topic(broker(), &names.input, 1);
    create_topic(broker(), &names.output, 1);
    one_post(&names);
    names.bootstrap = late.address();
    let engine = RunningEngine::start(names.settings(4), &EchoPipeline::open());
    readiness(&engine, &["no Kafka broker answers", &late.address()]);
    late.open(broker());
    read(broker(), &names.output, 1).at_least(1);
    until("the engine is ready", || engine.health.ready(Instant::now()).ok());
    assert_eq!(engine.stop().unwrap(), ONE);
}

#[test]
fn a_post_waits_for_a_missing_output_topic() {
    let names = TestTopics::new(broker());
    create_topic(broker(), &names.input, 1);
    one_post(&names);
    let mut settings = names.settings(4);
    // How long the client assumes that an unknown topic was just created.
    settings.kafka.properties.insert("topic.metadata.propagation.max.ms".to_owned(), "200".to_owned());
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    readiness(&engine, &[&format!("topic `{}` takes no records", names.output)]);
    create_topic(broker(), &names.output, 1);
    read(broker(), &names.output, 1).at_least(1);
    assert_eq!(engine.stop().unwrap(), ONE);
}

#[test]
fn a_slow_broker_is_not_reported_as_unreachable_while_a_topic_is_created() {
    let cluster = MockCluster::new(1).unwrap();
    let names = TestTopics::new(&cluster.bootstrap_servers());
    cluster.create_topic(&names.output, 1, 1).unwrap();
    // As on a busy machine, or behind a fetch that waits for records.
    cluster.broker_round_trip_time(1, Duration::from_millis(400)).unwrap();
    let mut settings = names.settings(4);
    // If metadata were requested again before each response, no response would ever count.
    settings.kafka.properties.insert("topic.metadata.refresh.interval.ms".to_owned(), "1000".to_owned());
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    let mut said = BTreeSet::new();
    let mut listen = || {
        let ready = engine.health.ready(Instant::now());
        said.extend(ready.clone().err());
        ready
    };
    until("the topic is reported as missing", || {
        listen().err().filter(|words| words.contains("does not exist"))
    });
    cluster.create_topic(&names.input, 1, 1).unwrap();
    until("the engine is ready", || listen().ok());
    assert!(!said.iter().any(|words| words.contains("no Kafka broker answers")), "{said:?}");
    engine.stop().unwrap();
}

#[test]
fn an_engine_without_a_broker_stops_on_request() {
    let names = TestTopics::new(&Forwarder::closed().address());
    let engine = RunningEngine::start(names.settings(4), &EchoPipeline::open());
    readiness(&engine, &["no Kafka broker answers"]);
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 0, annotations: 0, dead_letters: 0, uncommitted: 0 });
}

#[test]
fn an_unknown_property_of_the_client_is_rejected_by_name() {
    let mut settings = TestTopics::new("localhost:1").settings(4);
    settings.kafka.properties.insert("no.such.property".to_owned(), "1".to_owned());
    let error = RunningEngine::start(settings, &EchoPipeline::open()).stop().unwrap_err();
    let EngineError::Ingest(cause) = &error else { panic!("{error:?}") };
    let cause = std::error::Error::source(cause).unwrap().to_string();
    assert!(cause.contains("no.such.property"), "{cause}");
}
