//! Order, dead letters, back-pressure and drain, with the embedded broker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::message::{Header, Message, OwnedHeaders, OwnedMessage};
use riveg::engine::Summary;
use riveg::kafka::ingest::Tombstones;
use riveg::kafka::publish::EmbeddedBroker;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, committed, header, read, until};

fn broker(partitions: i32) -> (EmbeddedBroker, TestTopics) {
    let broker = EmbeddedBroker::start().unwrap();
    let names = TestTopics::new(&broker.bootstrap());
    for topic in [&names.input, &names.output, &names.dead] {
        broker.create_topic(topic, partitions).unwrap();
    }
    (broker, names)
}

fn id(message: &OwnedMessage) -> String {
    String::from_utf8(message.key().unwrap().to_vec()).unwrap()
}

#[test]
fn annotations_are_written_in_partition_order_whatever_finishes_first() {
    let (broker, names) = broker(3);
    let writer = Writer::new(&names.bootstrap);
    for number in 0..600 {
        let id = format!("{number}");
        writer.send(&names.input, number % 3, Some(&id), Some(&post(&id)));
    }
    writer.flush();
    // An output with one partition shows the order of all records.
    let output = "one-lane";
    broker.create_topic(output, 1).unwrap();
    let echo = EchoPipeline::open();
    let mut settings = names.settings(64);
    settings.publish.topic = output.to_owned();
    let engine = RunningEngine::start(settings, &echo);
    let mut seen = read(&names.bootstrap, output, 1);
    let left: Vec<i32> = seen.at_least(600).iter().map(|message| id(message).parse().unwrap()).collect();
    for partition in 0..3 {
        let lane: Vec<i32> = left.iter().copied().filter(|number| number % 3 == partition).collect();
        let expected: Vec<i32> = (0..600).filter(|number| number % 3 == partition).collect();
        assert_eq!(lane, expected, "partition {partition}");
    }
    let finished: Vec<i32> = echo
        .finished
        .lock()
        .unwrap()
        .iter()
        .map(|id| id.parse::<i32>().unwrap())
        .filter(|id| id % 3 == 0)
        .collect();
    assert!(!finished.is_sorted(), "posts finished in order: the test proves nothing");
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 600, annotations: 600, dead_letters: 0, uncommitted: 0 });
    let offsets = committed(&names.bootstrap, &names.group, &names.input, 3);
    assert_eq!(offsets, BTreeMap::from([(0, 200), (1, 200), (2, 200)]));
}

#[test]
fn dead_letters_keep_the_record_unchanged_and_name_the_reason() {
    let (_broker, names) = broker(1);
    let writer = Writer::new(&names.bootstrap);
    let headers = || {
        OwnedHeaders::new()
            .insert(Header { key: "trace", value: Some("7") })
            .insert(Header { key: "empty", value: Some("") })
            .insert(Header { key: "null", value: None::<&str> })
    };
    type Case<'a> = (Option<&'a str>, Option<&'a [u8]>, &'a str, &'a str);
    let cases: [Case<'_>; 5] = [
        (Some("a"), Some(b"{"), "malformed", "not JSON"),
        (Some(""), Some(b""), "malformed", "not JSON"),
        (None, Some(b"{}"), "malformed", "`id` is missing"),
        (Some("gone"), None, "malformed", "no value"),
        (Some("p"), Some(br#"{"id":"p","panic":true}"#), "internal", "the post asks for a panic"),
    ];
    for (key, value, ..) in cases {
        writer.send_with(&names.input, 0, (key, value), headers());
    }
    writer.send(&names.input, 0, Some("good"), Some(&post("good")));
    writer.flush();
    let mut settings = names.settings(16);
    settings.ingest.tombstones = Tombstones::DeadLetter;
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    let mut dead = read(&names.bootstrap, &names.dead, 1);
    for (offset, (message, (key, value, class, words))) in dead.at_least(5).iter().zip(cases).enumerate() {
        assert_eq!(message.key(), key.map(str::as_bytes), "{words}");
        assert_eq!(message.payload(), value, "{words}");
        let original = message.headers().unwrap();
        let listed: Vec<_> = rdkafka::message::Headers::iter(original).take(3).collect();
        assert_eq!((listed[0].key, listed[0].value), ("trace", Some(&b"7"[..])));
        assert_eq!((listed[1].key, listed[1].value), ("empty", Some(&b""[..])));
        assert_eq!((listed[2].key, listed[2].value), ("null", None));
        assert_eq!(header(message, "riveg.error.topic"), Some(names.input.as_str()));
        assert_eq!(header(message, "riveg.error.partition"), Some("0"));
        assert_eq!(header(message, "riveg.error.offset"), Some(offset.to_string().as_str()));
        assert_eq!(header(message, "riveg.error.class"), Some(class));
        assert!(header(message, "riveg.error.message").unwrap().contains(words), "{words}");
        assert!(
            header(message, "riveg.error.timestamp").unwrap().parse::<i64>().unwrap() > 1_600_000_000_000
        );
    }
    let mut good = read(&names.bootstrap, &names.output, 1);
    assert_eq!(id(&good.at_least(1)[0]), "good", "a valid post among the bad ones is answered");
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 6, annotations: 1, dead_letters: 5, uncommitted: 0 });
}

#[test]
fn an_output_that_the_topic_refuses_becomes_a_dead_letter() {
    let (_broker, names) = broker(1);
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("big"), Some(br#"{"id":"big","size":20000}"#));
    writer.send(&names.input, 0, Some("small"), Some(&post("small")));
    writer.flush();
    let mut settings = names.settings(4);
    settings.kafka.properties.insert("message.max.bytes".to_owned(), "10000".to_owned());
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    let mut dead = read(&names.bootstrap, &names.dead, 1);
    let letter = &dead.at_least(1)[0];
    assert_eq!(header(letter, "riveg.error.class"), Some("too-large"));
    assert_eq!(header(letter, "riveg.error.stage"), Some("publish"));
    assert_eq!(letter.payload(), Some(&br#"{"id":"big","size":20000}"#[..]));
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 2, annotations: 1, dead_letters: 1, uncommitted: 0 });
}

#[test]
fn posts_in_flight_stay_within_the_budget_and_polling_continues() {
    let (_broker, names) = broker(2);
    let writer = Writer::new(&names.bootstrap);
    for number in 0..100 {
        let id = format!("{number}");
        writer.send(&names.input, number % 2, Some(&id), Some(&post(&id)));
    }
    writer.flush();
    let echo = EchoPipeline::gated();
    let mut settings = names.settings(8);
    // A consumer that does not poll while it is paused would be removed from its group during the test.
    for name in ["max.poll.interval.ms", "session.timeout.ms"] {
        settings.kafka.properties.insert(name.to_owned(), "4000".to_owned());
    }
    settings.kafka.properties.insert("heartbeat.interval.ms".to_owned(), "100".to_owned());
    let engine = RunningEngine::start(settings, &echo);
    until("the budget is exhausted and partitions are paused", || {
        (engine.gauge("riveg_paused_partitions") > 0).then_some(())
    });
    let paused = Instant::now();
    until("the poll interval has passed", || (paused.elapsed().as_millis() > 4500).then_some(()));
    assert_eq!(engine.gauge("riveg_posts_in_flight"), 8);
    let mut highest = 0;
    while echo.finished.lock().unwrap().len() < 100 {
        let before = echo.finished.lock().unwrap().len();
        echo.gate.add_permits(1);
        until("one more post finishes", || {
            highest = highest.max(engine.gauge("riveg_posts_in_flight"));
            (echo.finished.lock().unwrap().len() > before).then_some(())
        });
    }
    assert_eq!(highest, 8);
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 100, annotations: 100, dead_letters: 0, uncommitted: 0 });
}

#[test]
fn a_drain_finishes_posts_in_flight_and_reads_no_more() {
    let (_broker, names) = broker(1);
    let writer = Writer::new(&names.bootstrap);
    for number in 0..50 {
        let id = format!("{number}");
        writer.send(&names.input, 0, Some(&id), Some(&post(&id)));
    }
    writer.flush();
    let echo = EchoPipeline::gated();
    let engine = RunningEngine::start(names.settings(6), &echo);
    until("posts are in flight", || (engine.gauge("riveg_posts_in_flight") == 6).then_some(()));
    engine.signal_stop();
    until("readiness reports the drain", || {
        engine.health.ready(std::time::Instant::now()).err().filter(|words| words.contains("draining"))
    });
    assert!(!engine.has_ended(), "posts are still in progress");
    echo.gate.add_permits(1000);
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 6, annotations: 6, dead_letters: 0, uncommitted: 0 });
    let offsets = committed(&names.bootstrap, &names.group, &names.input, 1);
    assert_eq!(offsets, BTreeMap::from([(0, 6)]), "the other 44 are left to the next engine");
}

#[test]
fn a_drain_that_takes_too_long_is_aborted_and_reports_uncommitted_posts() {
    let (_broker, names) = broker(1);
    let writer = Writer::new(&names.bootstrap);
    for id in ["a", "b", "c"] {
        writer.send(&names.input, 0, Some(id), Some(&post(id)));
    }
    writer.flush();
    let echo = EchoPipeline::gated();
    let mut settings = names.settings(6);
    settings.engine.drain_deadline = Duration::from_millis(50);
    let engine = RunningEngine::start(settings, &echo);
    until("posts are in flight", || (engine.gauge("riveg_posts_in_flight") == 3).then_some(()));
    let summary = engine.stop().unwrap();
    assert_eq!(summary, Summary { posts_in: 3, annotations: 0, dead_letters: 0, uncommitted: 3 });
    assert_eq!(committed(&names.bootstrap, &names.group, &names.input, 1), BTreeMap::new());
}
