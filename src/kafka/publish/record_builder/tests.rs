//! Tests of the record builder.

use std::time::UNIX_EPOCH;

use rdkafka::message::Headers;

use super::super::formats::{DEFAULT_FORMAT, EncoderOptions};
use super::super::samples::{config, source};
use super::super::{Annotated, PostFacts, Provenance};
use super::*;
use crate::domain::Annotation;
use crate::kafka::client::TopicPartition;
use crate::kafka::ingest::Ledger;

fn builder() -> RecordBuilder {
    let encoder = (DEFAULT_FORMAT.encoder)(&EncoderOptions::plain(Provenance::of_bundle("b")));
    builder_of(vec![Output { name: "main".into(), topic: "out".into(), shape: Shape::Post, encoder }])
}

fn builder_of(outputs: Vec<Output>) -> RecordBuilder {
    RecordBuilder::new(&config(), outputs, 65_536)
}

fn records_of(source: SourceRecord, answer: Answer) -> Vec<OutgoingRecord> {
    let ticket = Ledger::default().issue(&TopicPartition::new("posts", 0), 5);
    builder().build(Outcome { source: Arc::new(source), answer, ticket, attempts: 1 }, UNIX_EPOCH)
}

fn record_of(source: SourceRecord, answer: Answer) -> OutgoingRecord {
    let mut records = records_of(source, answer);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn annotation_of(source: SourceRecord) -> OutgoingRecord {
    let annotation = Annotation { triples: vec![], degraded: vec![] };
    let annotated = Annotated {
        post_id: "p".to_owned(),
        key: None,
        media: vec![],
        annotation,
        post: PostFacts::default(),
    };
    record_of(source, Answer::Annotated(Box::new(annotated)))
}

fn smaller(record: OutgoingRecord) -> OutgoingRecord {
    match builder().smaller(record) {
        Adjusted::Changed(record) => record,
        Adjusted::Unchanged(record) => panic!("{record:?} cannot become smaller"),
    }
}

fn names(record: &OutgoingRecord) -> Vec<String> {
    record.headers.iter().map(|header| header.key.to_owned()).collect()
}

#[test]
fn annotations_keep_key_headers_and_timestamp_and_name_their_source() {
    let mut source = source();
    source.headers.push("traceparent", Some(b"1"));
    let record = annotation_of(source);
    assert_eq!((&*record.topic, record.key.as_deref()), ("out", Some(&b"author"[..])));
    assert_eq!(record.timestamp, Some(1_700_000_000_000));
    let expected = [
        "traceparent",
        "content-type",
        "riveg.source.topic",
        "riveg.source.partition",
        "riveg.source.offset",
    ];
    assert_eq!(names(&record), expected);
}

#[test]
fn an_answer_that_is_too_large_drops_copied_headers_before_it_becomes_a_dead_letter() {
    let mut source = source();
    source.headers.push("large", Some(&[0; 2_000]));
    let whole = annotation_of(source);
    assert!(whole.bytes() > 2_000, "{}", whole.bytes());
    let bare = smaller(whole);
    assert_eq!(&*bare.topic, "out");
    assert_eq!(names(&bare)[4], "riveg.source.headers-omitted");
    assert!((100..2_000).contains(&bare.bytes()), "{}", bare.bytes());
    let letter = smaller(bare);
    assert_eq!((&*letter.topic, &*names(&letter)[0]), ("dead", "large"));
}

#[test]
fn a_deletion_keeps_its_key_and_has_no_value() {
    let record = record_of(source(), Answer::Tombstone);
    assert_eq!((&*record.topic, record.key.as_deref(), &record.value), ("out", Some(&b"author"[..]), &None));
    assert_eq!(names(&record), ["riveg.source.topic", "riveg.source.partition", "riveg.source.offset"]);
    assert!(record.is_written() && !record_of(source(), Answer::Skipped).is_written());
    let letter = smaller(record);
    assert!(matches!(letter.kind, RecordKind::DeadLetter(..)), "{letter:?}");
}

#[test]
fn an_answer_that_is_too_large_becomes_a_dead_letter_then_one_without_value() {
    let letter = smaller(annotation_of(SourceRecord { key: Some(Bytes::new()), ..source() }));
    assert_eq!((&*letter.topic, letter.value.as_deref()), ("dead", Some(&b"payload"[..])));
    assert_eq!(letter.key.as_deref(), Some(&b""[..]), "an empty key stays an empty key");
    let RecordKind::DeadLetter(rejection, Truncation::None) = &letter.kind else { panic!("{letter:?}") };
    assert_eq!((rejection.stage, rejection.class), ("publish", RejectionClass::TooLarge));
    let bare = smaller(letter);
    assert_eq!(bare.value, None);
    assert!(bare.headers.iter().any(|header| {
        header.key == "riveg.error.value-omitted" && header.value == Some(b"7".as_slice())
    }));
    assert!(matches!(builder().smaller(bare), Adjusted::Unchanged(_)));
}

#[test]
fn a_record_of_several_posts_is_answered_under_their_ids_and_rejected_once() {
    let annotated = |id: &str, key: Option<&str>| {
        let annotation = Annotation { triples: vec![], degraded: vec![] };
        let (post_id, key) = (id.to_owned(), key.map(str::to_owned));
        Answer::Annotated(Box::new(Annotated {
            post_id,
            key,
            media: vec![],
            annotation,
            post: PostFacts::default(),
        }))
    };
    let rejected = |message: &str| {
        let (stage, class, message) = ("decode", RejectionClass::Malformed, message.to_owned());
        Answer::Rejected(Rejection { stage, class, message })
    };
    let answers = vec![
        annotated("2", Some("1")),
        rejected("no id"),
        Answer::Deleted { post_id: "0".to_owned() },
        Answer::Ignored,
        rejected("no text"),
    ];
    let records = records_of(source(), Answer::Several(answers));
    let seen = |record: &OutgoingRecord| {
        let key = String::from_utf8(record.key.clone().unwrap().to_vec()).unwrap();
        (record.topic.to_string(), key, record.value.is_some(), record.origin.part)
    };
    let expected = [("out", "1", true, 0), ("out", "0", false, 1), ("dead", "author", true, 2)];
    let expected =
        expected.map(|(topic, key, has_value, part)| (topic.to_owned(), key.to_owned(), has_value, part));
    assert_eq!(records.iter().map(seen).collect::<Vec<_>>(), expected);
    let RecordKind::DeadLetter(rejection, _) = &records[2].kind else { panic!("{records:?}") };
    assert_eq!(rejection.message, "2 of the record's 5 events are rejected: no id; no text");
}

#[test]
fn a_record_that_says_nothing_is_settled_without_being_written() {
    for answer in
        [Answer::Ignored, Answer::Several(vec![]), Answer::Several(vec![Answer::Ignored, Answer::Skipped])]
    {
        let records = records_of(source(), answer);
        assert!(!records.is_empty() && !records.iter().any(OutgoingRecord::is_written), "{records:?}");
    }
}

#[test]
fn a_deleted_post_has_the_key_of_its_answer() {
    let deleted = || Answer::Deleted { post_id: "7".to_owned() };
    assert_eq!(record_of(source(), deleted()).key.as_deref(), Some(&b"author"[..]));
    let record = record_of(SourceRecord { key: None, ..source() }, deleted());
    assert_eq!((record.key.as_deref(), record.value), (Some(&b"7"[..]), None));
}

/// Two outputs: one as the engine writes it, and one with two records for a post and a record for a deletion.
fn two_outputs() -> RecordBuilder {
    let main = (DEFAULT_FORMAT.encoder)(&EncoderOptions::plain(Provenance::of_bundle("b")));
    let pairs = Encoder::new(|_, _| {
        vec![EncodedRecord::new("text/plain", "a"), EncodedRecord::new("text/plain", "b")]
    });
    let pairs = pairs.with_deletions(|deletion| {
        let said = format!("{} {:?}", String::from_utf8_lossy(deletion.key), deletion.post_id);
        vec![EncodedRecord::new("text/plain", said)]
    });
    let output = |name: &str, topic: &str, encoder| Output {
        name: name.into(),
        topic: topic.into(),
        shape: Shape::Post,
        encoder,
    };
    builder_of(vec![output("main", "out", main), output("pairs", "pairs-topic", pairs)])
}

#[test]
fn each_output_gets_its_own_records_under_the_same_key_and_its_own_deletion() {
    let builder = two_outputs();
    let build = |answer| {
        let ticket = Ledger::default().issue(&TopicPartition::new("posts", 0), 5);
        builder.build(Outcome { source: Arc::new(source()), answer, ticket, attempts: 1 }, UNIX_EPOCH)
    };
    let seen = |record: &OutgoingRecord| (record.topic.to_string(), record.key.clone(), record.origin.part);
    let author = || Some(Bytes::from_static(b"author"));
    let annotation = Annotation { triples: vec![], degraded: vec![] };
    let (post_id, post) = ("p".to_owned(), PostFacts::default());
    let records =
        build(Answer::Annotated(Box::new(Annotated { post_id, key: None, media: vec![], annotation, post })));
    let expected = [("out", 0), ("pairs-topic", 1), ("pairs-topic", 2)];
    let expected = expected.map(|(topic, part)| (topic.to_owned(), author(), part));
    assert_eq!(records.iter().map(seen).collect::<Vec<_>>(), expected);
    assert_eq!(records[2].value.as_deref(), Some(&b"b"[..]));
    for (answer, said) in [
        (Answer::Tombstone, "author None"),
        (Answer::Deleted { post_id: "7".to_owned() }, "author Some(\"7\")"),
    ] {
        let records = build(answer);
        let expected = [("out", 0), ("pairs-topic", 1)];
        let expected = expected.map(|(topic, part)| (topic.to_owned(), author(), part));
        assert_eq!(records.iter().map(seen).collect::<Vec<_>>(), expected);
        assert_eq!((&records[0].value, records[1].value.as_deref()), (&None, Some(said.as_bytes())));
        let firsts =
            records.iter().map(|record| matches!(record.kind, RecordKind::Tombstone { is_first: true }));
        assert_eq!(firsts.collect::<Vec<_>>(), [true, false], "a deletion is counted once");
    }
    let large = build(Answer::Tombstone).remove(1);
    let Adjusted::Changed(letter) = builder.smaller(large) else { panic!("it cannot become smaller") };
    let RecordKind::DeadLetter(rejection, _) = &letter.kind else { panic!("{letter:?}") };
    let said = "the deletion has 11 bytes under a key of 6, more than topic `pairs-topic` of the output `pairs` takes";
    assert_eq!((rejection.message.as_str(), letter.output), (said, None));
}

#[test]
fn answers_have_the_headers_of_cloudevents_where_the_settings_ask_for_them() {
    let mut builder = two_outputs();
    builder.config.cloudevents = true;
    let mut source = source();
    source.headers.push("ce_id", Some(b"of the post"));
    let ticket = Ledger::default().issue(&TopicPartition::new("posts", 0), 5);
    let answer = Answer::Tombstone;
    let records =
        builder.build(Outcome { source: Arc::new(source), answer, ticket, attempts: 1 }, UNIX_EPOCH);
    let events = records.iter().map(|record| {
        let headers = record.headers.iter().filter(|header| header.key.starts_with("ce_"));
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        headers.map(|header| (header.key.to_owned(), text(header.value))).collect::<Vec<_>>()
    });
    let expected = |part: &str| {
        [
            ("ce_specversion", "1.0"),
            ("ce_id", part),
            ("ce_source", "urn:riveg:in"),
            ("ce_type", "riveg.deletion.v1"),
            ("ce_time", "1970-01-01T00:00:00.000Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    };
    assert_eq!(events.collect::<Vec<_>>(), [expected("0/5/0"), expected("0/5/1")]);
}
