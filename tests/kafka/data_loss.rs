//! Data loss: posts that are deleted before they are read are counted and logged, at assignment and while the engine
//! runs, or stop the engine if the settings say so.

use riveg::engine::EngineError;
use riveg::kafka::ingest::{DataLoss, GroupProtocol, IngestError};

use super::echo::{EchoPipeline, post};
use super::process::EngineProcess;
use super::running::{RunningEngine, TestTopics};
use crate::support::{
    Writer, broker, commit, committed, create_topic, delete_records, delete_topic, get, log_end, until,
};

fn feed(names: &TestTopics, numbers: std::ops::Range<i32>) {
    let writer = Writer::new(broker());
    for number in numbers {
        let id = format!("{number}");
        writer.send(&names.input, 0, Some(&id), Some(&post(&id)));
    }
    writer.flush();
}

fn stands_at_the_end(names: &TestTopics) {
    let ends = log_end(broker(), &names.input, 1);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, 1) == ends).then_some(())
    });
}

fn lost(names: &TestTopics, count: i64) -> String {
    format!("riveg_records_lost_total{{partition=\"0\",topic=\"{}\"}} {count}\n", names.input)
}

/// Twenty posts. The group has committed two; the first seven are deleted.
fn five_are_lost(names: &TestTopics) {
    feed(names, 0..20);
    commit(broker(), &names.group, &names.input, 0, 2);
    delete_records(broker(), &names.input, 0, 7);
}

#[test]
fn posts_that_were_deleted_before_the_engine_started_are_logged_and_counted() {
    let names = TestTopics::with_topics(1);
    five_are_lost(&names);
    let mut engine = EngineProcess::start(&names, &[]);
    stands_at_the_end(&names);
    let metrics = engine.get("/metrics");
    assert!(metrics.contains(&lost(&names, 5)), "{metrics}");
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");
    let line = log.lines().find(|line| line.contains("posts were deleted before they were read"));
    let line = line.unwrap_or_else(|| panic!("no such line in {log}"));
    for part in ["WARN", names.input.as_str(), "\"partition\":0", "\"position\":2", "\"log_start\":7"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[test]
fn an_engine_that_must_stop_on_data_loss_ends_with_an_error_and_reads_nothing() {
    let names = TestTopics::with_topics(1);
    five_are_lost(&names);
    for _ in 0..2 {
        let mut engine = EngineProcess::start(&names, &["ingest.on_data_loss=stop"]);
        let (code, log) = engine.ends();
        assert_eq!(code, Some(1), "{log}");
        let said = format!("offset 2 of partition 0 of topic `{}` was to be read next", names.input);
        for part in [said.as_str(), "the log holds 7 to 20 only", "ingest.on_data_loss"] {
            assert!(log.contains(part), "{part} is not in {log}");
        }
        assert_eq!(committed(broker(), &names.group, &names.input, 1)[&0], 2);
    }
}

/// An engine whose reading pauses at the sixth post while the first fifty are deleted.
fn loses_while_it_runs(on_data_loss: DataLoss, protocol: GroupProtocol) -> (TestTopics, RunningEngine) {
    let names = TestTopics::with_topics(1);
    feed(&names, 0..100);
    let echo = EchoPipeline::gated();
    let mut settings = names.settings(5);
    settings.ingest.on_data_loss = on_data_loss;
    settings.ingest.protocol = protocol;
    let engine = RunningEngine::start(settings, &echo);
    until("reading pauses", || (engine.gauge("riveg_paused_partitions") == 1).then_some(()));
    delete_records(broker(), &names.input, 0, 50);
    echo.gate.add_permits(1000);
    (names, engine)
}

#[test]
fn posts_that_are_deleted_while_the_engine_runs_are_counted_and_the_others_are_read() {
    for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
        let (names, engine) = loses_while_it_runs(DataLoss::Continue, protocol);
        stands_at_the_end(&names);
        let metrics = engine.metrics.render();
        assert!(metrics.contains(&lost(&names, 45)), "{metrics}");
        let summary = engine.stop().unwrap();
        assert_eq!((summary.posts_in, summary.annotations, summary.uncommitted), (55, 55, 0));
    }
}

#[test]
fn an_engine_that_must_stop_on_data_loss_finishes_posts_in_flight_and_ends() {
    let (names, engine) = loses_while_it_runs(DataLoss::Stop, GroupProtocol::Classic);
    until("the engine ends by itself", || engine.has_ended().then_some(()));
    let error = engine.stop().unwrap_err();
    let EngineError::Ingest(IngestError::Lost { position: 5, start: 50, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(committed(broker(), &names.group, &names.input, 1)[&0], 5);
}

#[test]
fn a_topic_that_is_created_again_is_read_from_its_start_and_the_broker_is_not_reported_as_unreachable() {
    let names = TestTopics::with_topics(1);
    feed(&names, 0..10);
    let mut engine = EngineProcess::start(&names, &[]);
    stands_at_the_end(&names);
    delete_topic(broker(), &names.input);
    let mut said = Vec::new();
    let mut listen = |engine: &EngineProcess| {
        let ready = get(&engine.address, "/readyz").unwrap();
        said.push(ready.lines().last().unwrap_or_default().to_owned());
    };
    until("the engine reports the missing topic", || {
        listen(&engine);
        get(&engine.address, "/readyz").filter(|answer| answer.contains("does not exist"))
    });
    create_topic(broker(), &names.input, 1);
    feed(&names, 0..3);
    until("the posts of the new topic are answered", || {
        listen(&engine);
        (committed(broker(), &names.group, &names.input, 1).get(&0) == Some(&3)).then_some(())
    });
    until("the engine is ready", || {
        listen(&engine);
        get(&engine.address, "/readyz").filter(|answer| answer.starts_with("HTTP/1.1 200"))
    });
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!said.iter().any(|words| words.contains("no Kafka broker answers")), "{said:?}");
    assert!(!log.contains("no Kafka broker answers"), "{log}");
}
