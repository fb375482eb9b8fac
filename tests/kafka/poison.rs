//! Poison posts: a suspect is worked on alone, and a post that has killed processes is set aside. The deaths are
//! simulated: they leave the same log as real ones.

use std::path::Path;

use rdkafka::message::{Message, OwnedMessage};
use riveg::kafka::attempts::{Attempts, RecordId};
use riveg::kafka::publish::EmbeddedBroker;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, header, read, until};

/// A process that died while it worked on these records.
fn die_of(folder: &Path, names: &TestTopics, records: &[&OwnedMessage]) {
    let attempts = Attempts::open(folder, &names.group).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for record in records {
        let id = RecordId {
            topic: names.input.as_str().into(),
            partition: record.partition(),
            offset: record.offset(),
            timestamp: record.timestamp().to_millis().unwrap(),
        };
        // Never marked as done.
        let _ = runtime.block_on(attempts.begin(id));
    }
}

fn posts(names: &TestTopics, broker: &EmbeddedBroker, count: usize) -> Vec<OwnedMessage> {
    for topic in [&names.input, &names.output, &names.dead] {
        broker.create_topic(topic, 1).unwrap();
    }
    let writer = Writer::new(&names.bootstrap);
    for number in 0..count {
        let id = format!("post-{number}");
        writer.send(&names.input, 0, Some(&id), Some(&post(&id)));
    }
    writer.flush();
    read(&names.bootstrap, &names.input, 1).at_least(count).to_vec()
}

#[test]
fn a_suspect_is_worked_on_alone() {
    let (broker, folder) = (EmbeddedBroker::start().unwrap(), tempfile::tempdir().unwrap());
    let names = TestTopics::new(&broker.bootstrap());
    let records = posts(&names, &broker, 12);
    die_of(folder.path(), &names, &[&records[4], &records[5]]);
    let mut settings = names.settings(16);
    settings.state = Some(folder.path().to_owned());
    let echo = EchoPipeline::gated();
    let engine = RunningEngine::start(settings, &echo);
    // Four come before the first suspect. It waits for them, and all others wait for it.
    until("four posts are in progress", || (echo.under_way() == 4).then_some(()));
    echo.gate.add_permits(4);
    for _ in 0..2 {
        until("a suspect is in progress", || (echo.under_way() == 1).then_some(()));
        echo.gate.add_permits(1);
    }
    until("the rest is in progress together", || (echo.under_way() == 6).then_some(()));
    echo.gate.add_permits(6);
    let mut output = read(&names.bootstrap, &names.output, 1);
    output.at_least(12);
    assert_eq!(echo.most_beside(&["post-4", "post-5"]), 1, "a suspect was not alone");
    assert_eq!(engine.stop().unwrap().annotations, 12);
}

#[test]
fn a_post_that_has_killed_twice_becomes_a_dead_letter_and_is_not_worked_on() {
    let (broker, folder) = (EmbeddedBroker::start().unwrap(), tempfile::tempdir().unwrap());
    let names = TestTopics::new(&broker.bootstrap());
    let records = posts(&names, &broker, 5);
    die_of(folder.path(), &names, &[&records[1], &records[2], &records[3]]);
    die_of(folder.path(), &names, &[&records[2]]);
    die_of(folder.path(), &names, &[&records[2]]);
    let mut settings = names.settings(16);
    settings.state = Some(folder.path().to_owned());
    let echo = EchoPipeline::open();
    let engine = RunningEngine::start(settings, &echo);
    let mut dead = read(&names.bootstrap, &names.dead, 1);
    let letter = dead.at_least(1)[0].clone();
    read(&names.bootstrap, &names.output, 1).at_least(4);
    assert_eq!(letter.key(), Some(&b"post-2"[..]));
    assert_eq!(letter.payload(), records[2].payload());
    assert_eq!(header(&letter, "riveg.error.class"), Some("poison"));
    assert_eq!(header(&letter, "riveg.attempts"), Some("2"));
    assert!(!echo.finished.lock().unwrap().contains(&"post-2".to_owned()));
    assert_eq!(engine.stop().unwrap().dead_letters, 1);
}
