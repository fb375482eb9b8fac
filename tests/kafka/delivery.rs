//! Delivery with a real Kafka: every post is accounted for by id, in one run, across a restart, across a rebalance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::message::{Message, OwnedMessage};
use riveg::engine::Summary;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, broker, committed, header, log_end, read, until};

const PARTITIONS: i32 = 3;

/// Writes posts `from..to`, the `number`th to partition `number % 3`; every fiftieth is bad.
fn feed(names: &TestTopics, numbers: std::ops::Range<i32>) {
    let writer = Writer::new(&names.bootstrap);
    for number in numbers {
        let id = format!("post-{number}");
        let value = match number % 150 {
            50 => b"{".to_vec(),
            100 => format!(r#"{{"name":"{id}"}}"#).into_bytes(),
            0 => vec![0xff; 3000],
            _ => post(&id),
        };
        writer.send(&names.input, number % PARTITIONS, Some(&id), Some(&value));
    }
    writer.flush();
}

fn is_bad(number: i32) -> bool {
    number % 50 == 0
}

/// The number of records for each id.
fn ids(messages: &[OwnedMessage]) -> BTreeMap<String, usize> {
    let mut ids = BTreeMap::new();
    for message in messages {
        *ids.entry(String::from_utf8(message.key().unwrap().to_vec()).unwrap()).or_default() += 1;
    }
    ids
}

fn expected(numbers: std::ops::Range<i32>, bad: bool) -> BTreeSet<String> {
    numbers.filter(|&number| is_bad(number) == bad).map(|number| format!("post-{number}")).collect()
}

#[test]
fn two_thousand_posts_are_answered_once_each_and_committed_to_the_end() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..2000);
    let echo = EchoPipeline::open();
    let engine = RunningEngine::start(names.settings(128), &echo);
    let (mut output, mut dead) =
        (read(broker(), &names.output, PARTITIONS), read(broker(), &names.dead, PARTITIONS));
    output.at_least(1960);
    dead.at_least(40);
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 2000, annotations: 1960, dead_letters: 40, uncommitted: 0 });

    let answered = ids(output.all(broker(), &names.output));
    assert!(answered.values().all(|&times| times == 1), "an annotation was written twice");
    assert_eq!(answered.into_keys().collect::<BTreeSet<_>>(), expected(0..2000, false));
    let rejected = ids(dead.all(broker(), &names.dead));
    assert!(rejected.values().all(|&times| times == 1), "a dead letter was written twice");
    assert_eq!(rejected.into_keys().collect::<BTreeSet<_>>(), expected(0..2000, true));
    let ends = log_end(broker(), &names.input, PARTITIONS);
    assert_eq!(committed(broker(), &names.group, &names.input, PARTITIONS), ends);

    // Each output partition has the records of each input partition in order.
    let mut last: BTreeMap<(i32, String), i64> = BTreeMap::new();
    for message in &output.messages {
        let lane = (message.partition(), header(message, "riveg.source.partition").unwrap().to_owned());
        let offset = header(message, "riveg.source.offset").unwrap().parse().unwrap();
        assert!(last.insert(lane, offset).is_none_or(|before| before < offset), "out of order");
    }
    let finished = echo.finished.lock().unwrap();
    let numbers: Vec<i32> = finished.iter().map(|id| id["post-".len()..].parse().unwrap()).collect();
    assert!(
        !numbers.is_sorted_by_key(|number| (number % PARTITIONS, *number)),
        "posts finished in order: the test proves nothing"
    );
}

#[test]
fn an_engine_that_is_aborted_loses_nothing() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..900);
    let echo = EchoPipeline::gated();
    let mut settings = names.settings(64);
    settings.engine.drain_deadline = Duration::ZERO;
    let first = RunningEngine::start(settings, &echo);
    echo.gate.add_permits(300);
    let mut output = read(broker(), &names.output, PARTITIONS);
    output.at_least(200);
    until("posts wait at the gate", || {
        (echo.gate.available_permits() == 0 && first.gauge("riveg_posts_in_flight") >= 32).then_some(())
    });
    let cut = first.stop().unwrap();
    assert!(cut.uncommitted > 0, "no post was in flight: {cut:?}");

    let second = RunningEngine::start(names.settings(64), &EchoPipeline::open());
    let ends = log_end(broker(), &names.input, PARTITIONS);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, PARTITIONS) == ends).then_some(())
    });
    let rest = second.stop().unwrap();
    assert_eq!(rest.uncommitted, 0);
    assert!(rest.posts_in < 900, "the second engine began from the start: nothing was committed");
    let answered = ids(output.all(broker(), &names.output));
    assert_eq!(answered.into_keys().collect::<BTreeSet<_>>(), expected(0..900, false));
    let mut dead = read(broker(), &names.dead, PARTITIONS);
    let rejected = ids(dead.all(broker(), &names.dead));
    assert_eq!(rejected.into_keys().collect::<BTreeSet<_>>(), expected(0..900, true));
}

#[test]
fn a_partition_that_is_revoked_while_reading_is_paused_is_read_when_it_is_assigned_again() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..300);
    let (one, two) = (EchoPipeline::gated(), EchoPipeline::open());
    let mut settings = names.settings(32);
    // Posts at the gate are not finished by then.
    settings.ingest.revoke_deadline = Duration::from_millis(100);
    let first = RunningEngine::start(settings, &one);
    until("the first engine pauses", || (first.gauge("riveg_paused_partitions") > 0).then_some(()));
    let second = RunningEngine::start(names.settings(32), &two);
    until("the second engine works", || (!two.finished.lock().unwrap().is_empty()).then_some(()));
    one.gate.add_permits(10_000);
    until("the first engine reads again", || (first.gauge("riveg_paused_partitions") == 0).then_some(()));
    second.stop().unwrap();
    feed(&names, 300..600);
    let ends = log_end(broker(), &names.input, PARTITIONS);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, PARTITIONS) == ends).then_some(())
    });
    first.stop().unwrap();
    let answered = ids(read(broker(), &names.output, PARTITIONS).all(broker(), &names.output));
    assert_eq!(answered.into_keys().collect::<BTreeSet<_>>(), expected(0..600, false));
}

#[test]
fn a_second_engine_takes_over_partitions_and_no_post_is_lost_or_answered_twice() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..300);
    let (one, two) = (EchoPipeline::open(), EchoPipeline::open());
    let first = RunningEngine::start(names.settings(32), &one);
    until("the first engine works", || (!one.finished.lock().unwrap().is_empty()).then_some(()));
    let second = RunningEngine::start(names.settings(32), &two);
    let mut fed = 300;
    // The feed continues during the rebalance.
    until("the second engine works too", || {
        feed(&names, fed..fed + 30);
        fed += 30;
        (!two.finished.lock().unwrap().is_empty()).then_some(())
    });
    let ends = log_end(broker(), &names.input, PARTITIONS);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, PARTITIONS) == ends).then_some(())
    });
    // One leaves; the other reads all further posts.
    let left = first.stop().unwrap();
    feed(&names, fed..fed + 90);
    fed += 90;
    let ends = log_end(broker(), &names.input, PARTITIONS);
    until("the group stands at the end again", || {
        (committed(broker(), &names.group, &names.input, PARTITIONS) == ends).then_some(())
    });
    let right = second.stop().unwrap();
    assert_eq!((left.uncommitted, right.uncommitted), (0, 0));
    assert_eq!(left.posts_in + right.posts_in, u64::try_from(fed).unwrap());
    let answered = ids(read(broker(), &names.output, PARTITIONS).all(broker(), &names.output));
    assert!(answered.values().all(|&times| times == 1), "partitions are drained before they are handed over");
    assert_eq!(answered.into_keys().collect::<BTreeSet<_>>(), expected(0..fed, false));
}
