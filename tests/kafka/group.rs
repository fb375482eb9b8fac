//! Consumer group: a crashed member is replaced within seconds, and rebalances cause no warnings.

use std::time::{Duration, Instant};

use super::echo::{EchoPipeline, post};
use super::process::EngineProcess;
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, broker, committed, log_end, until};

const PARTITIONS: i32 = 3;

fn feed(names: &TestTopics) {
    let writer = Writer::new(broker());
    for number in 0..30 {
        let id = format!("{number}");
        writer.send(&names.input, number % PARTITIONS, Some(&id), Some(&post(&id)));
    }
    writer.flush();
}

fn stands_at_the_end(names: &TestTopics) {
    let ends = log_end(broker(), &names.input, PARTITIONS);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, PARTITIONS) == ends).then_some(())
    });
}

#[test]
fn partitions_of_an_engine_that_is_killed_are_read_by_another_within_ten_seconds() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names);
    let echo = EchoPipeline::open();
    let mut dies = EngineProcess::start(&names, &[]);
    let stays = RunningEngine::start(names.settings(32), &echo);
    until("both are members", || {
        feed(&names);
        let read = dies.get("/metrics");
        let reads =
            |partition: i32| read.contains(&format!("riveg_outstanding_records{{partition=\"{partition}\""));
        let count = (0..PARTITIONS).filter(|&partition| reads(partition)).count();
        (dies.is_ready() && (1..3).contains(&count) && !echo.finished.lock().unwrap().is_empty())
            .then_some(())
    });
    stands_at_the_end(&names);
    let killed = Instant::now();
    dies.signal("-KILL");
    feed(&names);
    stands_at_the_end(&names);
    let took = killed.elapsed();
    dies.ends();
    eprintln!("partitions of a killed engine stood still for {took:?}");
    assert!(took < Duration::from_secs(10), "partitions stood still for {took:?}");
    stays.stop().unwrap();
}

/// Engines that join and leave cause no line above `info`, except those about dead letters.
fn assert_no_warnings(set: &[&str]) {
    let names = TestTopics::with_topics(PARTITIONS);
    let mut engine = EngineProcess::start(&names, set);
    until("the engine is ready", || engine.is_ready().then_some(()));
    for round in 0..3 {
        let other = EchoPipeline::open();
        let settings = if set.is_empty() { names.settings(32) } else { names.exactly_once(32, "other") };
        let joins = RunningEngine::start(settings, &other);
        until("the other works too", || {
            feed(&names);
            (!other.finished.lock().unwrap().is_empty()).then_some(())
        });
        joins.stop().unwrap();
        feed(&names);
        stands_at_the_end(&names);
        assert!(engine.is_ready(), "round {round}: {}", engine.get("/readyz"));
    }
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");
    let loud = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
    let loud: Vec<&str> = log.lines().filter(loud).filter(|line| !line.contains("dead letter")).collect();
    assert!(loud.is_empty(), "{loud:#?}");
}

#[test]
fn rebalances_cause_no_warnings() {
    assert_no_warnings(&[]);
}

#[test]
fn rebalances_between_transactions_cause_no_warnings() {
    assert_no_warnings(&["publish.delivery=exactly-once", "ingest.commit_interval=50ms"]);
}
