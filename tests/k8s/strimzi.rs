//! Strimzi: the topics and the user of k8s/strimzi are enough for an engine on a real broker, and give no right that it lacks use for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::settings::settings_of_pod;
use super::{built_from, list, words};
use crate::kafka::{EchoPipeline, RunningEngine, TestTopics, post};
use crate::support::{
    Operation, OwnBroker, Resource, Writer, allow_only, committed, create_topic_with, log_end, own_broker,
    riveg, until,
};

const PARTITIONS: i32 = 12;

fn objects() -> Vec<Value> {
    built_from("k8s/strimzi")
}

/// The name of a test for a name of the manifests.
fn named<'a>(names: &'a TestTopics, name: &str) -> &'a str {
    match name {
        "riveg.posts" => &names.input,
        "riveg.annotations" => &names.output,
        "riveg.dead-letters" => &names.dead,
        "riveg" | "riveg-" => &names.group,
        other => panic!("{other} is no name of the settings"),
    }
}

/// Creates the topics as the manifests say, on a cluster of one broker.
fn create(broker: &OwnBroker, names: &TestTopics) {
    for topic in objects().iter().filter(|object| object["kind"] == "KafkaTopic") {
        let set = topic["spec"]["config"].as_object().unwrap().iter();
        let set: Vec<(&str, String)> = set.map(|(key, value)| (key.as_str(), value.to_string())).collect();
        // One broker has no second replica.
        let set = set.iter().filter(|(key, _)| *key != "min.insync.replicas");
        let set: Vec<(&str, &str)> = set.map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(topic["spec"]["partitions"], PARTITIONS);
        create_topic_with(
            &broker.plain,
            named(names, topic["metadata"]["name"].as_str().unwrap()),
            PARTITIONS,
            &set,
        );
    }
}

/// Grants the user of the tests what the manifest grants, after all its resources were shut to users without a rule.
fn grant(broker: &OwnBroker, names: &TestTopics) {
    let objects = objects();
    let user = objects.iter().find(|object| object["kind"] == "KafkaUser").unwrap();
    for rule in list(&user["spec"]["authorization"]["acls"]) {
        let name = named(names, rule["resource"]["name"].as_str().unwrap());
        let resource = match (
            rule["resource"]["type"].as_str().unwrap(),
            rule["resource"]["patternType"].as_str().unwrap(),
        ) {
            ("topic", "literal") => Resource::Topic(name),
            ("group", "literal") => Resource::Group(name),
            ("transactionalId", "prefix") => Resource::TransactionalIds(name),
            other => panic!("{other:?}"),
        };
        allow_only(&broker.plain, "another", Operation::Describe, resource);
        for operation in words(&rule["operations"]) {
            let operation = match operation {
                "Read" => Operation::Read,
                "Write" => Operation::Write,
                "Describe" => Operation::Describe,
                "DescribeConfigs" => Operation::DescribeConfigs,
                other => panic!("{other}"),
            };
            allow_only(&broker.plain, user["metadata"]["name"].as_str().unwrap(), operation, resource);
        }
    }
}

/// How the user of the tests reaches the broker, as properties of librdkafka.
fn properties(broker: &OwnBroker) -> [(&'static str, String); 5] {
    [
        ("security.protocol", "SASL_SSL".to_owned()),
        ("ssl.ca.location", broker.file("ca.pem")),
        ("sasl.mechanism", "SCRAM-SHA-512".to_owned()),
        ("sasl.username", "riveg".to_owned()),
        ("sasl.password", broker.password()),
    ]
}

#[test]
fn an_engine_with_the_rights_of_the_manifest_answers_in_both_ways_of_delivery() {
    let broker = own_broker();
    for exactly_once in [false, true] {
        let names = TestTopics::new(&broker.plain);
        create(broker, &names);
        grant(broker, &names);
        let writer = Writer::new(&broker.plain);
        for number in 0..60 {
            let id = format!("post-{number}");
            let value = if number % 10 == 0 { b"{".to_vec() } else { post(&id) };
            writer.send(&names.input, number % PARTITIONS, Some(&id), Some(&value));
        }
        writer.flush();
        let mut settings = if exactly_once { names.exactly_once(16, "a") } else { names.settings(16) };
        settings.kafka.bootstrap.clone_from(&broker.sasl);
        settings.kafka.properties.extend(properties(broker).map(|(name, value)| (name.to_owned(), value)));
        let engine = RunningEngine::start(settings, &EchoPipeline::open());
        let ends = log_end(&broker.plain, &names.input, PARTITIONS);
        until("the group stands at the end", || {
            (committed(&broker.plain, &names.group, &names.input, PARTITIONS) == ends).then_some(())
        });
        let summary = engine.stop().unwrap();
        assert_eq!((summary.annotations, summary.dead_letters), (54, 6), "{exactly_once}");
    }
}

#[test]
fn a_check_with_these_rights_on_these_topics_finds_no_fault() {
    let broker = own_broker();
    let names = TestTopics::new(&broker.plain);
    create(broker, &names);
    grant(broker, &names);
    let connection = properties(broker).map(|(name, value)| (format!("kafka.properties.{name}"), value));
    let topics = [
        ("kafka.bootstrap", &broker.sasl),
        ("ingest.topic", &names.input),
        ("ingest.group", &names.group),
        ("publish.topic", &names.output),
        ("publish.dead_letter_topic", &names.dead),
    ];
    let topics = topics.map(|(key, value)| (key.to_owned(), value.clone()));
    let sets: Vec<String> =
        connection.into_iter().chain(topics).map(|(key, value)| format!("{key}={value}")).collect();
    let skip = ["check", "--skip", "bundle", "--skip", "llm", "--skip", "state", "--skip", "telemetry"];
    let arguments: Vec<&str> = skip.into_iter().chain(sets.iter().flat_map(|set| ["--set", set])).collect();
    let finished = riveg(&arguments, b"");
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let sizes = finished.stdout.lines().find(|line| line.starts_with("sizes of records")).unwrap();
    assert!(sizes.contains("  ok  ") && sizes.contains("input 12582912"), "{sizes}");
    let rights: Vec<&str> = finished.stdout.lines().filter(|line| line.starts_with("right to")).collect();
    assert!(rights.len() == 3 && rights.iter().all(|line| line.contains("  ok  ")), "{rights:?}");
}

#[test]
fn topics_and_user_are_those_of_the_pods() {
    let config = settings_of_pod(&built_from("k8s/production"));
    let of_settings: BTreeSet<String> = [
        serde_json::json!(config.ingest.topic).as_str().unwrap().to_owned(),
        config.publish.topic.clone(),
        config.publish.dead_letter_topic.clone(),
    ]
    .into();
    let objects = objects();
    let of_kind = |kind: &str| {
        let found = objects.iter().filter(|object| object["kind"] == kind);
        found.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(of_kind("KafkaTopic"), of_settings);
    let property = |name: &str| config.kafka.properties.get(name).unwrap().to_owned();
    assert_eq!(of_kind("KafkaUser"), [property("sasl.username")].into());
    assert!(config.publish.transactional_id(&config.ingest.group).starts_with("riveg-"));
    let user = objects.iter().find(|object| object["kind"] == "KafkaUser").unwrap();
    assert_eq!(property("sasl.mechanism").to_lowercase(), user["spec"]["authentication"]["type"]);
}
