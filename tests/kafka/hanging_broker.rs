//! Hanging brokers: a broker that keeps its connections and does not respond makes the engine unready within seconds.

use std::time::{Duration, Instant};

use rdkafka::mocking::{MockCluster, MockCoordinator};
use riveg::engine::Settings;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, read, until};

/// Short timeouts: this mock broker never responds to old requests, which block later ones on their connection.
fn with_short_timeouts(names: &TestTopics) -> Settings {
    let mut settings = names.settings(4);
    settings.kafka.properties.insert("socket.timeout.ms".to_owned(), "5000".to_owned());
    settings
}

#[test]
fn an_engine_whose_broker_hangs_is_unready_within_fifteen_seconds_until_it_responds_again() {
    let cluster = MockCluster::new(1).unwrap();
    let names = TestTopics::new(&cluster.bootstrap_servers());
    for topic in [&names.input, &names.output, &names.dead] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("a"), Some(&post("a")));
    writer.flush();
    let engine = RunningEngine::start(with_short_timeouts(&names), &EchoPipeline::open());
    read(&names.bootstrap, &names.output, 1).at_least(1);
    until("the engine is ready", || engine.health.ready(Instant::now()).ok());

    let begun = Instant::now();
    cluster.broker_round_trip_time(1, Duration::from_secs(3600)).unwrap();
    let said = until("the engine is not ready", || engine.health.ready(Instant::now()).err());
    let took = begun.elapsed();
    assert!(said.contains("no Kafka broker answers"), "{said}");
    eprintln!("unready {took:?} after the broker began to hang");
    assert!(took < Duration::from_secs(15), "after {took:?}");
    engine.health.alive(Instant::now()).expect("an engine that waits is alive");

    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    until("the engine is ready again", || engine.health.ready(Instant::now()).ok());
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("b"), Some(&post("b")));
    writer.flush();
    read(&names.bootstrap, &names.output, 1).at_least(2);
    engine.stop().unwrap();
}

#[test]
fn an_engine_is_unready_if_only_the_broker_of_its_output_hangs() {
    let cluster = MockCluster::new(2).unwrap();
    let names = TestTopics::new(&cluster.bootstrap_servers());
    for (topic, leader) in [(&names.input, 1), (&names.output, 2), (&names.dead, 2)] {
        cluster.create_topic(topic, 1, 1).unwrap();
        cluster.partition_leader(topic, 0, Some(leader)).unwrap();
    }
    cluster.coordinator(MockCoordinator::Group(names.group.clone()), 1).unwrap();
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("a"), Some(&post("a")));
    writer.flush();
    let engine = RunningEngine::start(with_short_timeouts(&names), &EchoPipeline::open());
    read(&names.bootstrap, &names.output, 1).at_least(1);
    until("the engine is ready", || engine.health.ready(Instant::now()).ok());

    let begun = Instant::now();
    cluster.broker_round_trip_time(2, Duration::from_secs(3600)).unwrap();
    writer.send(&names.input, 0, Some("b"), Some(&post("b")));
    until("the engine is not ready", || {
        engine.health.ready(Instant::now()).err().filter(|words| words.contains("has confirmed an answer"))
    });
    let took = begun.elapsed();
    eprintln!("unready {took:?} after the broker of the output began to hang");
    assert!(took < Duration::from_secs(15), "after {took:?}");

    cluster.broker_round_trip_time(2, Duration::ZERO).unwrap();
    read(&names.bootstrap, &names.output, 1).at_least(2);
    until("the engine is ready again", || engine.health.ready(Instant::now()).ok());
    engine.stop().unwrap();
}
