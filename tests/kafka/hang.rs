//! A broker that hangs keeps its connections and answers nothing: readiness says so within seconds.

use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;

use super::echo::{Echo, post};
use super::running::{Names, Running};
use crate::support::{Writer, read, until};

#[test]
fn an_engine_whose_broker_hangs_is_unready_within_fifteen_seconds_until_it_answers_again() {
    let cluster = MockCluster::new(1).unwrap();
    let names = Names::new(&cluster.bootstrap_servers());
    for topic in [&names.input, &names.output, &names.dead] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("a"), Some(&post("a")));
    writer.flush();
    let engine = Running::start(names.settings(4), &Echo::open());
    let mut output = read(&names.bootstrap, &names.output, 1);
    output.at_least(1);
    until("the engine is ready", || engine.health.ready(Instant::now()).ok());

    let begun = Instant::now();
    cluster.broker_round_trip_time(1, Duration::from_secs(3600)).unwrap();
    let said = until("the engine is not ready", || engine.health.ready(Instant::now()).err());
    let took = begun.elapsed();
    assert!(said.contains("no Kafka broker answers"), "{said}");
    assert!(took < Duration::from_secs(15), "after {took:?}");
    engine.health.alive(Instant::now()).expect("who waits is alive");

    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    until("the engine is ready again", || engine.health.ready(Instant::now()).ok());
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("b"), Some(&post("b")));
    writer.flush();
    output.at_least(2);
    engine.stop().unwrap();
}
