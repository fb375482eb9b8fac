//! Exactly-once delivery: readers of committed records see each answer once, in an undisturbed run, after an abort,
//! after a rebalance, with a fenced engine, and with answers that are too large.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::message::{Message, OwnedMessage};
use riveg::engine::{EngineError, Summary};
use riveg::kafka::ingest::GroupProtocol;
use riveg::kafka::publish::PublishError;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, broker, committed, header, log_end, read_committed, until};

const PARTITIONS: i32 = 3;

/// Writes posts `from..to`, the `number`th to partition `number % 3`; every tenth is bad.
fn feed(names: &TestTopics, numbers: std::ops::Range<i32>) {
    let writer = Writer::new(&names.bootstrap);
    for number in numbers {
        let id = format!("post-{number}");
        let value = if number % 10 == 0 { b"{".to_vec() } else { post(&id) };
        writer.send(&names.input, number % PARTITIONS, Some(&id), Some(&value));
    }
    writer.flush();
}

fn stands_at_the_end(names: &TestTopics) {
    let ends = log_end(broker(), &names.input, PARTITIONS);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, PARTITIONS) == ends).then_some(())
    });
}

/// The ids of committed records. Each must occur once, in the order of its input partition.
fn ids(messages: &[OwnedMessage], offset: [&str; 2]) -> BTreeSet<String> {
    let mut last: BTreeMap<(i32, String), i64> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for message in messages {
        let id = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        assert!(ids.insert(id.clone()), "{id} comes twice");
        let lane = (message.partition(), header(message, offset[0]).unwrap().to_owned());
        let offset = header(message, offset[1]).unwrap().parse().unwrap();
        assert!(last.insert(lane, offset).is_none_or(|before| before < offset), "{id} is out of order");
    }
    ids
}

/// Each post of `0..to` is answered once, on the right topic.
fn each_is_answered_once(names: &TestTopics, to: i32) {
    let output = read_committed(broker(), &names.output, PARTITIONS);
    let dead = read_committed(broker(), &names.dead, PARTITIONS);
    let expected = |bad: bool| {
        (0..to).filter(|number| (number % 10 == 0) == bad).map(|number| format!("post-{number}")).collect()
    };
    assert_eq!(ids(&output, ["riveg.source.partition", "riveg.source.offset"]), expected(false));
    assert_eq!(ids(&dead, ["riveg.error.partition", "riveg.error.offset"]), expected(true));
}

#[test]
fn each_post_is_answered_once_and_the_offsets_are_at_the_end() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..900);
    let engine = RunningEngine::start(names.exactly_once(128, "a"), &EchoPipeline::open());
    stands_at_the_end(&names);
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 900, annotations: 810, dead_letters: 90, uncommitted: 0 });
    each_is_answered_once(&names, 900);
}

#[test]
fn an_engine_that_is_aborted_between_transactions_repeats_work_but_no_answer() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..600);
    let echo = EchoPipeline::gated();
    let mut settings = names.exactly_once(64, "a");
    settings.engine.drain_deadline = Duration::ZERO;
    let first = RunningEngine::start(settings, &echo);
    echo.gate.add_permits(200);
    until("a transaction is committed", || {
        let held: i64 = committed(broker(), &names.group, &names.input, PARTITIONS).values().sum();
        (held >= 100).then_some(())
    });
    until("posts wait at the gate", || {
        (echo.gate.available_permits() == 0 && first.gauge("riveg_posts_in_flight") >= 32).then_some(())
    });
    let cut = first.stop().unwrap();
    assert!(cut.uncommitted > 0, "no post was in flight: {cut:?}");
    let second = RunningEngine::start(names.exactly_once(64, "a"), &EchoPipeline::open());
    stands_at_the_end(&names);
    let rest = second.stop().unwrap();
    assert!(rest.posts_in < 600, "the second engine began from the start: nothing was committed");
    each_is_answered_once(&names, 600);
}

#[test]
fn partitions_that_members_hand_over_are_answered_once() {
    hand_over(GroupProtocol::Classic);
}

#[test]
fn partitions_that_the_broker_reassigns_are_answered_once() {
    hand_over(GroupProtocol::Consumer);
}

fn hand_over(protocol: GroupProtocol) {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..300);
    let settings = |id| {
        let mut settings = names.exactly_once(32, id);
        settings.ingest.protocol = protocol;
        settings
    };
    let (one, two) = (EchoPipeline::open(), EchoPipeline::open());
    let first = RunningEngine::start(settings("a"), &one);
    until("the first engine works", || (!one.finished.lock().unwrap().is_empty()).then_some(()));
    let second = RunningEngine::start(settings("b"), &two);
    let mut fed = 300;
    until("the second engine works too", || {
        feed(&names, fed..fed + 30);
        fed += 30;
        (!two.finished.lock().unwrap().is_empty()).then_some(())
    });
    stands_at_the_end(&names);
    let left = first.stop().unwrap();
    feed(&names, fed..fed + 90);
    fed += 90;
    stands_at_the_end(&names);
    let right = second.stop().unwrap();
    assert_eq!((left.uncommitted, right.uncommitted), (0, 0));
    each_is_answered_once(&names, fed);
}

#[test]
fn a_static_member_gets_its_partitions_back_without_a_rebalance() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..60);
    let settings = |id: &str| {
        let mut settings = names.exactly_once(32, id);
        settings.ingest.instance = id.to_owned();
        settings
    };
    let (one, two) = (EchoPipeline::open(), EchoPipeline::open());
    let stays = RunningEngine::start(settings("stays"), &one);
    let goes = RunningEngine::start(settings("goes"), &two);
    let mut fed = 60;
    until("both work", || {
        feed(&names, fed..fed + 30);
        fed += 30;
        [&one, &two].iter().all(|echo| !echo.finished.lock().unwrap().is_empty()).then_some(())
    });
    stands_at_the_end(&names);
    let rebalances = |engine: &RunningEngine| {
        let text = engine.metrics.render();
        text.lines()
            .filter(|line| line.starts_with("riveg_rebalances_total"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = rebalances(&stays);
    goes.stop().unwrap();
    let returned = RunningEngine::start(settings("goes"), &two);
    feed(&names, fed..fed + 90);
    fed += 90;
    stands_at_the_end(&names);
    assert_eq!(rebalances(&stays), before, "a restart moved partitions");
    returned.stop().unwrap();
    stays.stop().unwrap();
    each_is_answered_once(&names, fed);
}

#[test]
fn the_first_of_two_engines_with_one_transactional_id_ends_with_an_error_that_names_it() {
    let names = TestTopics::with_topics(PARTITIONS);
    feed(&names, 0..60);
    let echo = EchoPipeline::open();
    let first = RunningEngine::start(names.exactly_once(32, "same"), &echo);
    until("the first engine has written", || {
        (!committed(broker(), &names.group, &names.input, PARTITIONS).is_empty()).then_some(())
    });
    let second = RunningEngine::start(names.exactly_once(32, "same"), &echo);
    let mut fed = 60;
    until("the first engine ends by itself", || {
        feed(&names, fed..fed + 30);
        fed += 30;
        first.has_ended().then_some(())
    });
    let error = first.stop().unwrap_err();
    let EngineError::Publish(PublishError::Fenced { id, .. }) = &error else { panic!("{error:?}") };
    assert!(id.ends_with("-same"), "{id}");
    stands_at_the_end(&names);
    second.stop().unwrap();
    each_is_answered_once(&names, fed);
}

#[test]
fn an_answer_that_is_too_large_becomes_a_dead_letter_and_affects_no_other() {
    let names = TestTopics::with_topics(PARTITIONS);
    let writer = Writer::new(&names.bootstrap);
    let large = br#"{"id":"large","size":200000}"#.as_slice();
    for partition in 0..PARTITIONS {
        for (id, value) in [("a", post("a")), ("large", large.to_vec()), ("b", post("b"))] {
            let value = if partition == 0 || id != "large" { value } else { post("c") };
            writer.send(&names.input, partition, Some(id), Some(&value));
        }
    }
    writer.flush();
    let mut settings = names.exactly_once(16, "a");
    settings.kafka.properties.insert("message.max.bytes".to_owned(), "100000".to_owned());
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    stands_at_the_end(&names);
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 9, annotations: 8, dead_letters: 1, uncommitted: 0 });
    let dead = read_committed(broker(), &names.dead, PARTITIONS);
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].payload(), header(&dead[0], "riveg.error.class")), (Some(large), Some("too-large")));
    assert_eq!(read_committed(broker(), &names.output, PARTITIONS).len(), 8);
}
