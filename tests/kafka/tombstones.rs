//! Tombstones: a record without a value is forwarded in order, in both delivery modes, or skipped.

use rdkafka::message::Message;
use riveg::engine::Settings;
use riveg::kafka::ingest::Tombstones;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, broker, committed, header, log_end, read_committed, until};

/// A post, its tombstone, and the post again; then a tombstone without a key.
fn feed(names: &TestTopics) {
    let writer = Writer::new(&names.bootstrap);
    for key in ["a", "b"] {
        for value in [Some(post(key)), None, Some(post(key)), None] {
            writer.send(&names.input, 0, Some(key), value.as_deref());
        }
    }
    writer.send(&names.input, 0, None, None);
    writer.flush();
}

/// Keys of all committed records in the topic, and whether they have a value.
fn written(topic: &str) -> Vec<(Option<String>, bool)> {
    let messages = read_committed(broker(), topic, 1);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    messages.iter().map(|message| (message.key().map(text), message.payload().is_some())).collect()
}

fn run_to_the_end(names: &TestTopics, settings: Settings) -> String {
    feed(names);
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    let ends = log_end(broker(), &names.input, 1);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, 1) == ends).then_some(())
    });
    let metrics = engine.metrics.render();
    engine.stop().unwrap();
    metrics
}

fn assert_forwarded(names: &TestTopics, settings: Settings) {
    let metrics = run_to_the_end(names, settings);
    let expected = ["a", "b"].map(|key| [true, false, true, false].map(|is| (Some(key.to_owned()), is)));
    assert_eq!(written(&names.output), expected.concat());
    let deletion = &read_committed(broker(), &names.output, 1)[1];
    assert_eq!(header(deletion, "riveg.source.offset"), Some("1"));
    assert!(metrics.contains("riveg_tombstones_total{outcome=\"forwarded\"} 4"), "{metrics}");
    let dead = read_committed(broker(), &names.dead, 1);
    assert_eq!((dead.len(), header(&dead[0], "riveg.error.class")), (1, Some("malformed")));
}

#[test]
fn a_tombstone_is_forwarded_under_its_key_in_order() {
    let names = TestTopics::with_topics(1);
    assert_forwarded(&names, names.settings(16));
}

#[test]
fn a_tombstone_is_forwarded_in_transactions_too() {
    let names = TestTopics::with_topics(1);
    assert_forwarded(&names, names.exactly_once(16, "a"));
}

#[test]
fn skipped_tombstones_block_no_offset() {
    for exactly_once in [false, true] {
        let names = TestTopics::with_topics(1);
        let mut settings = if exactly_once { names.exactly_once(16, "a") } else { names.settings(16) };
        settings.ingest.tombstones = Tombstones::Skip;
        let metrics = run_to_the_end(&names, settings);
        let expected = ["a", "a", "b", "b"].map(|key| (Some(key.to_owned()), true));
        assert_eq!(written(&names.output), expected);
        assert_eq!(written(&names.dead), []);
        assert!(metrics.contains("riveg_tombstones_total{outcome=\"skipped\"} 5"), "{metrics}");
    }
}
