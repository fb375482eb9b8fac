//! Commit failures in metrics, with an embedded broker that refuses requests.

use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::kafka::{EchoPipeline, RunningEngine, TestTopics, post};
use crate::support::{Writer, until};

#[test]
fn offsets_that_a_broker_refuses_are_counted_and_committed_later() {
    let cluster = MockCluster::new(1).unwrap();
    let names = TestTopics::new(&cluster.bootstrap_servers());
    for topic in [&names.input, &names.output, &names.dead] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let refusals = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE; 2];
    cluster.request_errors(RDKafkaApiKey::OffsetCommit, &refusals);
    let engine = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("a"), Some(&post("a")));
    writer.flush();
    let refused = r#"riveg_commit_failures_total{reason="refused"}"#;
    until("both refusals are counted", || (engine.gauge(refused) == 2).then_some(()));
    assert_eq!(engine.gauge(r#"riveg_commit_failures_total{reason="not-confirmed"}"#), 0);
    assert_eq!(engine.stop().unwrap().uncommitted, 0);
}

#[test]
fn a_transaction_whose_offsets_a_broker_refuses_is_counted_and_repeated() {
    let cluster = MockCluster::new(1).unwrap();
    let names = TestTopics::new(&cluster.bootstrap_servers());
    for topic in [&names.input, &names.output, &names.dead] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let refusal = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED];
    cluster.request_errors(RDKafkaApiKey::TxnOffsetCommit, &refusal);
    let engine = RunningEngine::start(names.exactly_once(8, "a"), &EchoPipeline::open());
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.input, 0, Some("a"), Some(&post("a")));
    writer.flush();
    let refused = r#"riveg_commit_failures_total{reason="refused"}"#;
    until("the refusal is counted", || (engine.gauge(refused) == 1).then_some(()));
    assert_eq!(engine.stop().unwrap().annotations, 1);
}
