//! Carried fields: key, partition, headers and timestamp of answers, with a real Kafka and with the embedded broker.

use std::collections::BTreeSet;

use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use riveg::kafka::publish::{EmbeddedBroker, KeyOf, TimestampOf};

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{Writer, broker, create_topic, create_topic_with, header, read, read_committed};

/// A moment in 2023.
const THEN: i64 = 1_700_000_000_123;

/// Keys with their murmur2 hash in Java, from Kafka's own tests.
const MURMUR2: [(&[u8], i32); 7] = [
    (b"21", -973_932_308),
    (b"foobar", -790_332_482),
    (b"a-little-bit-long-string", -985_981_536),
    (b"a-little-bit-longer-string", -1_486_304_829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
    (b"abc", 479_470_107),
    (b"", 275_646_681),
];

const PARTITIONS: i32 = 5;

fn traced() -> OwnedHeaders {
    OwnedHeaders::new()
        .insert(Header {
            key: "traceparent",
            value: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        })
        .insert(Header { key: "riveg.source.offset", value: Some("99") })
        .insert(Header { key: "tenant", value: None::<&str> })
}

fn names(message: &OwnedMessage) -> Vec<&str> {
    message.headers().unwrap().iter().map(|header| header.key).collect()
}

#[test]
fn answers_are_in_the_partitions_that_java_producers_choose_and_keep_headers_and_timestamps() {
    for exactly_once in [false, true] {
        let names_of = TestTopics::new(broker());
        create_topic(broker(), &names_of.input, 1);
        create_topic(broker(), &names_of.dead, 1);
        create_topic(broker(), &names_of.output, PARTITIONS);
        let writer = Writer::new(broker());
        // Ten posts of one author with a key that is not UTF-8, then one for each known key, and one without a key.
        for number in 0..10 {
            let value = post(&format!("post-{number}"));
            writer.send_at(&names_of.input, (Some(b"author \xff\0"), &value), traced(), THEN + number);
        }
        for (number, (key, _)) in MURMUR2.into_iter().enumerate() {
            let value = post(&format!("known-{number}"));
            writer.send_at(&names_of.input, (Some(key), &value), traced(), THEN);
        }
        writer.send_at(&names_of.input, (None, &post("keyless")), OwnedHeaders::new(), THEN);
        writer.flush();
        let settings = if exactly_once { names_of.exactly_once(16, "a") } else { names_of.settings(16) };
        let engine = RunningEngine::start(settings, &EchoPipeline::open());
        read(broker(), &names_of.output, PARTITIONS).at_least(18);
        engine.stop().unwrap();
        let answers = read_committed(broker(), &names_of.output, PARTITIONS);
        assert_eq!(answers.len(), 18);
        let id = |answer: &OwnedMessage| -> String {
            let value: serde_json::Value = serde_json::from_slice(answer.payload().unwrap()).unwrap();
            value["post_id"].as_str().unwrap().to_owned()
        };
        let of_author: Vec<_> = answers.iter().filter(|answer| id(answer).starts_with("post-")).collect();
        let partitions: BTreeSet<i32> = of_author.iter().map(|answer| answer.partition()).collect();
        assert_eq!(
            (of_author.len(), partitions.len()),
            (10, 1),
            "answers to one author are in several partitions"
        );
        for (number, answer) in of_author.into_iter().enumerate() {
            assert_eq!((id(answer), answer.key()), (format!("post-{number}"), Some(&b"author \xff\0"[..])));
            assert_eq!(answer.timestamp().to_millis(), Some(THEN + number as i64));
            let expected = [
                "traceparent",
                "tenant",
                "content-type",
                "riveg.source.topic",
                "riveg.source.partition",
                "riveg.source.offset",
            ];
            assert_eq!(names(answer), expected);
            assert!(header(answer, "traceparent").unwrap().starts_with("00-4bf92f35"));
            assert_eq!(
                header(answer, "riveg.source.offset"),
                Some(&*number.to_string()),
                "a header of the engine"
            );
        }
        for (number, (key, hash)) in MURMUR2.into_iter().enumerate() {
            let answer = answers.iter().find(|answer| id(answer) == format!("known-{number}")).unwrap();
            assert_eq!(answer.key(), Some(key));
            assert_eq!(answer.partition(), (hash & i32::MAX) % PARTITIONS, "{key:?}");
        }
        let keyless = answers.iter().find(|answer| id(answer) == "keyless").unwrap();
        assert_eq!(keyless.key(), Some(&b"keyless"[..]), "the post's id replaces the missing key");
    }
}

#[test]
fn answers_carry_the_fields_that_the_settings_name() {
    let embedded = EmbeddedBroker::start().unwrap();
    let topics = TestTopics::new(&embedded.bootstrap());
    for topic in [&topics.input, &topics.output, &topics.dead] {
        embedded.create_topic(topic, 1).unwrap();
    }
    let writer = Writer::new(&topics.bootstrap);
    writer.send_at(&topics.input, (Some(b"author"), &post("a")), traced(), THEN);
    writer.flush();
    let mut settings = topics.settings(4);
    settings.publish.key = KeyOf::PostId;
    settings.publish.headers = vec!["tenant".to_owned()];
    settings.publish.timestamp = TimestampOf::Now;
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    let mut output = read(&topics.bootstrap, &topics.output, 1);
    let answer = &output.at_least(1)[0];
    assert_eq!(answer.key(), Some(&b"a"[..]));
    assert!(answer.timestamp().to_millis().unwrap() > THEN + 1_000_000_000, "a moment in 2023");
    assert_eq!(names(answer)[..2], ["tenant", "content-type"]);
    engine.stop().unwrap();
}

#[test]
fn a_topic_that_refuses_old_timestamps_gets_the_time_of_writing() {
    for exactly_once in [false, true] {
        let topics = TestTopics::new(broker());
        create_topic(broker(), &topics.input, 1);
        create_topic(broker(), &topics.dead, 1);
        create_topic_with(broker(), &topics.output, 1, &[("message.timestamp.before.max.ms", "3600000")]);
        let writer = Writer::new(broker());
        // One record of a batch, then several: the client reports different errors.
        for (number, is_old) in [true, false, true, true, false, true].into_iter().enumerate() {
            let id = format!("{number}");
            if is_old {
                let headers = OwnedHeaders::new();
                writer.send_at(&topics.input, (Some(id.as_bytes()), &post(&id)), headers, THEN);
            } else {
                writer.send(&topics.input, 0, Some(&id), Some(&post(&id)));
            }
        }
        writer.flush();
        let settings = if exactly_once { topics.exactly_once(16, "a") } else { topics.settings(16) };
        let engine = RunningEngine::start(settings, &EchoPipeline::open());
        read(broker(), &topics.output, 1).at_least(6);
        engine.stop().unwrap();
        let answers = read_committed(broker(), &topics.output, 1);
        assert_eq!(answers.len(), 6);
        assert!(answers.iter().all(|answer| answer.timestamp().to_millis().unwrap() > THEN + 1_000_000_000));
    }
}
