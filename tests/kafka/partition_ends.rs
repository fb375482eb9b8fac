//! Partition ends: the input of transactional producers is committed to its end, past markers and aborted records.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use riveg::engine::Settings;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{WITHIN, broker, committed, create_topic, log_end, read_committed, unique, until};

fn transaction(names: &TestTopics, ids: &[&str], commits: bool) {
    transaction_in(&names.input, ids, commits);
}

/// Writes posts in one transaction, which is committed or aborted.
fn transaction_in(topic: &str, ids: &[&str], commits: bool) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker())
        .set("transactional.id", unique("feed"))
        .create()
        .unwrap();
    producer.init_transactions(WITHIN).unwrap();
    producer.begin_transaction().unwrap();
    for id in ids {
        let value = post(id);
        let record = BaseRecord::to(topic).partition(0).key(*id).payload(&value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WITHIN).unwrap();
    if commits { producer.commit_transaction(WITHIN) } else { producer.abort_transaction(WITHIN) }.unwrap();
}

fn three_and_three(names: &TestTopics) {
    transaction(names, &["a", "b", "c"], true);
    transaction(names, &["x", "y", "z"], false);
    assert_eq!(log_end(broker(), &names.input, 1)[&0], 8, "six records and two markers");
}

fn stands_at(names: &TestTopics, offset: i64) {
    until(&format!("the group stands at {offset}"), || {
        (committed(broker(), &names.group, &names.input, 1).get(&0) == Some(&offset)).then_some(())
    });
}

fn answered(names: &TestTopics) -> Vec<String> {
    let messages = read_committed(broker(), &names.output, 1);
    messages
        .iter()
        .map(|message| String::from_utf8(rdkafka::Message::key(message).unwrap().to_vec()).unwrap())
        .collect()
}

/// Markers are committed when no record comes, also if nothing was read before them, and later records are read.
fn idle_at_the_end(settings: impl Fn(&TestTopics) -> Settings) {
    let names = TestTopics::with_topics(1);
    three_and_three(&names);
    let engine = RunningEngine::start(settings(&names), &EchoPipeline::open());
    stands_at(&names, 8);
    transaction(&names, &["x"], false);
    stands_at(&names, 10);
    transaction(&names, &["d"], true);
    stands_at(&names, 12);
    let summary = engine.stop().unwrap();
    assert_eq!((summary.posts_in, summary.annotations, summary.uncommitted), (4, 4, 0));
    assert_eq!(answered(&names), ["a", "b", "c", "d"]);
}

#[test]
fn an_idle_engine_commits_past_the_markers() {
    idle_at_the_end(|names| names.settings(16));
}

#[test]
fn an_idle_engine_that_writes_in_transactions_commits_past_the_markers() {
    idle_at_the_end(|names| names.exactly_once(16, "a"));
}

/// An engine that is stopped while the last posts are in progress commits past the markers.
fn stop_at_the_end(settings: impl Fn(&TestTopics) -> Settings) {
    let names = TestTopics::with_topics(1);
    three_and_three(&names);
    let echo = EchoPipeline::gated();
    let mut settings = settings(&names);
    // No commit before the end.
    settings.ingest.commit_interval = Duration::from_secs(600);
    let engine = RunningEngine::start(settings, &echo);
    until("the posts are in progress", || (echo.under_way() == 3).then_some(()));
    engine.signal_stop();
    echo.gate.add_permits(3);
    let summary = engine.stop().unwrap();
    assert_eq!((summary.posts_in, summary.annotations, summary.uncommitted), (3, 3, 0));
    stands_at(&names, 8);
}

#[test]
fn an_engine_that_is_stopped_commits_past_the_markers() {
    stop_at_the_end(|names| names.settings(16));
}

#[test]
fn an_engine_that_writes_in_transactions_and_is_stopped_commits_past_the_markers() {
    stop_at_the_end(|names| names.exactly_once(16, "a"));
}

#[test]
fn ends_of_partitions_with_one_number_are_those_of_their_topics() {
    let topics = [unique("left"), unique("right")];
    let [left, right] = &topics;
    let names = TestTopics { input: format!("['{left}', '{right}']"), ..TestTopics::with_topics(1) };
    topics.iter().for_each(|topic| create_topic(broker(), topic, 1));
    let stand_at = |offsets: [i64; 2]| {
        until(&format!("the group stands at {offsets:?}"), || {
            let held = |topic: &String| committed(broker(), &names.group, topic, 1).get(&0).copied();
            (topics.each_ref().map(held) == offsets.map(Some)).then_some(())
        });
    };
    transaction_in(left, &["a", "b", "c"], true);
    transaction_in(right, &["d", "e", "f"], true);
    transaction_in(right, &["x"], false);
    let echo = EchoPipeline::gated();
    let engine = RunningEngine::start(names.settings(16), &echo);
    until("the posts are in progress", || (echo.under_way() == 6).then_some(()));
    // While posts of both are in progress, one topic grows by what is no post.
    transaction_in(left, &["y", "z"], false);
    echo.gate.add_permits(1_000);
    stand_at([7, 6]);
    transaction_in(right, &["x", "y"], false);
    stand_at([7, 9]);
    transaction_in(left, &["g"], true);
    transaction_in(left, &["x"], false);
    stand_at([11, 9]);
    let summary = engine.stop().unwrap();
    assert_eq!((summary.posts_in, summary.annotations, summary.uncommitted), (7, 7, 0));
    let mut answered = answered(&names);
    answered.sort();
    assert_eq!(answered, ["a", "b", "c", "d", "e", "f", "g"]);
}
