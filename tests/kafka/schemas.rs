//! Records and answers with schemas: Avro, Protobuf and JSON in the wire format of a Schema Registry, in one topic with
//! plain JSON, answered in Avro and Protobuf; and starts that a registry refuses.

use std::collections::BTreeMap;

use apache_avro::Schema as ApacheSchema;
use apache_avro::types::Value as AvroValue;
use apache_avro::writer::datum::GenericDatumWriter;
use bytes::Bytes;
use rdkafka::message::{Message, OwnedMessage};
use riveg::common::registry::avro::AvroSchema;
use riveg::common::registry::protobuf::{self, ProtobufSchema};
use riveg::common::registry::wire::{HEADER_BYTES, framed, header as frame};
use riveg::common::registry::{JsonLimits, Schema};
use riveg::lab::world::{Split, World};
use serde_json::{Value, json};

use super::process::EngineProcess;
use super::running::TestTopics;
use crate::support::{
    LocalRegistry, Trouble, Writer, broker, committed, create_topic, header, log_end, read_committed, riveg,
    unique, until,
};

const POST: &str = r#"{"type":"record","name":"Post","namespace":"feed","fields":[
    {"name":"id","type":"string"},{"name":"text","type":"string"},
    {"name":"created_at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"media","type":{"type":"array","items":{"type":"record","name":"Medium","fields":[
        {"name":"key","type":"string"},{"name":"bytes","type":"bytes"}]}}}]}"#;

const X: &str = r#"{"type":"record","name":"Tweet","fields":[{"name":"data","type":{"type":"record","name":"Data","fields":[
    {"name":"id","type":"long"},{"name":"text","type":["null","string"]},
    {"name":"edit_history_tweet_ids","type":{"type":"array","items":"string"}}]}}]}"#;

const MESSAGE: &str =
    r#"syntax = "proto3"; message Post { string id = 1; string text = 2; repeated string lang = 3; }"#;

fn avro(schema: &str, id: u32, value: AvroValue) -> Vec<u8> {
    let schema = ApacheSchema::parse_str(schema).unwrap();
    let body = GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value).unwrap();
    [frame(id), body].concat()
}

fn text(text: &str) -> AvroValue {
    AvroValue::String(text.to_owned())
}

fn record(fields: Vec<(&str, AvroValue)>) -> AvroValue {
    AvroValue::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Records in the order of the topic, with the names under which their answers are looked for.
fn feed(registry: &LocalRegistry) -> Vec<(&'static str, Vec<u8>)> {
    let none = json!([]);
    let jpeg = World::new(1, Split::Test).sample(0).picture.jpeg;
    let medium = record(vec![("key", text("a")), ("bytes", AvroValue::Bytes(jpeg))]);
    let own = record(vec![
        ("id", text("avro")),
        ("text", text("Rill Ossen opens it")),
        ("created_at", AvroValue::TimestampMillis(1_709_164_800_001)),
        ("media", AvroValue::Array(vec![medium])),
    ]);
    let data = record(vec![
        ("id", AvroValue::Long(1_843_000_000_000_000_017)),
        ("text", AvroValue::Union(1, text("in &amp; out").into())),
        ("edit_history_tweet_ids", AvroValue::Array(vec![text("1843000000000000017")])),
    ]);
    let (own_id, x_id) =
        (registry.add("posts-value", "AVRO", POST, &none), registry.add("x-value", "AVRO", X, &none));
    let message_id = registry.add("message-value", "PROTOBUF", MESSAGE, &none);
    let json_id = registry.add("json-value", "JSON", "{}", &none);
    let mut message = frame(message_id);
    let value = json!({ "id": "protobuf", "text": "Ada", "lang": ["sv"] });
    protobuf::append(&ProtobufSchema::new(MESSAGE, &BTreeMap::new()).unwrap(), &value, &mut message).unwrap();
    let whole = avro(POST, own_id, own);
    let cut = whole[..whole.len() / 2].to_vec();
    vec![
        ("avro", whole),
        ("", cut),
        ("1843000000000000017", avro(X, x_id, record(vec![("data", data)]))),
        ("", frame(4_000_000_000)),
        ("protobuf", message),
        ("", vec![0, 1, 2]),
        ("json", [frame(json_id), br#"{"id":"json","text":"x"}"#.to_vec()].concat()),
        ("plain", br#"{"id":"plain","text":"y"}"#.to_vec()),
    ]
}

/// The JSON of an output's record, by the schema of the registry.
fn read(schema: &Schema, message: &OwnedMessage) -> Value {
    let value = Bytes::copy_from_slice(message.payload().unwrap());
    framed(&value).unwrap();
    let json = schema.to_json(&value.slice(HEADER_BYTES..), JsonLimits::for_records_of(1_000_000)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn avro_protobuf_and_json_are_read_by_their_schemas_and_answered_with_schemas() {
    let names = TestTopics::with_topics(1);
    let triples = unique("triples");
    create_topic(broker(), &triples, 1);
    let registry = LocalRegistry::start();
    let feed = feed(&registry);
    let writer = Writer::new(broker());
    for (_, value) in &feed {
        writer.send(&names.input, 0, None, Some(value));
    }
    writer.send(&names.input, 0, Some("plain"), None);
    writer.flush();
    // The registry is away for the first questions of the start.
    registry.trouble(Some(Trouble::Status(503, 2)));
    let sets = [
        format!("registry.url={}", registry.url()),
        "publish.format=avro".to_owned(),
        format!("publish.outputs.triples.topic={triples}"),
        "publish.outputs.triples.format=protobuf".to_owned(),
        "publish.outputs.triples.shape=triple".to_owned(),
        "publish.delivery=exactly-once".to_owned(),
        "publish.include=[\"text\", \"created_at\", \"lang\"]".to_owned(),
        "ingest.commit_interval=50ms".to_owned(),
    ];
    let mut engine = EngineProcess::start(&names, &sets.each_ref().map(String::as_str));
    let end = log_end(broker(), &names.input, 1);
    until("every record is settled", || {
        (committed(broker(), &names.group, &names.input, 1) == end).then_some(())
    });
    let (code, log) = engine.stop();
    assert_eq!(code, Some(0), "{log}");

    let key = |message: &OwnedMessage| String::from_utf8(message.key().unwrap().to_vec()).unwrap();
    let expected: Vec<&str> =
        feed.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).chain(["plain"]).collect();
    let answers = read_committed(broker(), &names.output, 1);
    assert_eq!(answers.iter().map(key).collect::<Vec<_>>(), expected, "{log}");
    let schemas = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schemas");
    let file = |name: &str| std::fs::read_to_string(schemas.join(name)).unwrap();
    let avro = Schema::Avro(AvroSchema::new(&file("riveg.annotation.avsc"), &BTreeMap::new()).unwrap());
    let (deletion, answers) = answers.split_last().unwrap();
    assert_eq!(deletion.payload(), None);
    let answers: Vec<Value> = answers.iter().map(|message| read(&avro, message)).collect();
    assert_eq!(answers[0]["created_at"], "2024-02-29T00:00:00.001Z");
    assert_eq!(answers[0]["media"][0]["key"], "a", "bytes of Avro are a picture");
    assert_eq!(answers[1]["text"], "in &amp; out", "it was read as X writes it");
    assert_eq!(answers[2]["lang"], "[\"sv\"]");

    let protobuf =
        Schema::Protobuf(ProtobufSchema::new(&file("riveg.triple.proto"), &BTreeMap::new()).unwrap());
    let (deletion, rows) = {
        let mut rows = read_committed(broker(), &triples, 1);
        (rows.pop().unwrap(), rows)
    };
    assert_eq!((key(&deletion).as_str(), deletion.payload()), ("plain", None));
    let posts: Vec<Value> = rows.iter().map(|row| read(&protobuf, row)["post_id"].clone()).collect();
    assert!(answers.iter().all(|answer| posts.contains(&answer["post_id"])), "{posts:?}");

    let dead = read_committed(broker(), &names.dead, 1);
    let told: Vec<_> = dead
        .iter()
        .map(|letter| {
            (header(letter, "riveg.error.class").unwrap(), header(letter, "riveg.error.message").unwrap())
        })
        .collect();
    let [cut, unknown, short] = &told[..] else { panic!("{told:?}") };
    assert!(cut.0 == "malformed" && cut.1.contains("at `media[0].bytes`, byte"), "{cut:?}");
    assert!(unknown.0 == "no-schema" && unknown.1.contains("4000000000"), "{unknown:?}");
    assert!(
        unknown.1.contains(&registry.url()) && unknown.1.contains("Schema not found (40403)"),
        "{unknown:?}"
    );
    assert!(short.0 == "malformed" && short.1.contains("has 3 bytes"), "{short:?}");
    // What a dead letter keeps is the record as it came.
    assert_eq!(dead[1].payload(), Some(&feed[3].1[..]));

    // Other commands read the output by its schemas.
    let settings = [format!("kafka.bootstrap={}", broker()), format!("registry.url={}", registry.url())];
    let sets: Vec<&str> = settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    let export = [&["export", "--topic", &names.output, "--format", "jsonl"][..], &sets].concat();
    let exported = riveg(&export, b"");
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let ids: Vec<Value> = exported
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["post_id"].clone())
        .collect();
    assert_eq!(ids, answers.iter().map(|answer| answer["post_id"].clone()).collect::<Vec<_>>());
    let without =
        riveg(&["export", "--topic", &names.output, "--format", "jsonl", "--set", &settings[0]], b"");
    assert!(without.code == Some(3) && without.stderr.contains("set registry.url"), "{}", without.stderr);
}

#[test]
fn a_start_is_refused_where_the_registry_refuses_the_schema() {
    let names = TestTopics::new(broker());
    let registry = LocalRegistry::start();
    let subject = format!("{}-value", names.output);
    registry.add(&subject, "AVRO", "\"int\"", &json!([]));
    registry.refuse(&subject, "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/7: phrase");
    let url = format!("registry.url={}", registry.url());
    let mut engine = EngineProcess::start(&names, &[&url, "publish.format=avro"]);
    let (code, log) = engine.ends();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("/fields/7: phrase") && log.contains(&subject), "{log}");

    let topic = format!("publish.topic={}", names.output);
    let check = |sets: &[&str]| {
        let skip =
            ["bundle", "llm", "state", "kafka", "telemetry"].into_iter().flat_map(|part| ["--skip", part]);
        let sets = sets
            .iter()
            .copied()
            .chain([topic.as_str(), "publish.format=avro"])
            .flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> = ["check"].into_iter().chain(skip).chain(sets).collect();
        riveg(&arguments, b"")
    };
    let refused = check(&[&url]);
    assert!(refused.code == Some(1) && refused.stdout.contains("/fields/7: phrase"), "{}", refused.stdout);
    let away = check(&["registry.url=http://127.0.0.1:1"]);
    assert!(away.code == Some(1) && away.stdout.contains("no answer"), "{}", away.stdout);
    let unset = check(&[]);
    assert!(unset.code == Some(2) && unset.stderr.contains("set registry.url"), "{}", unset.stderr);
}
