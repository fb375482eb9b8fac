//! Tests of the record builder.

use std::time::UNIX_EPOCH;

use rdkafka::message::Headers;

use super::super::formats::DEFAULT_FORMAT;
use super::super::samples::{config, source};
use super::super::{Annotated, Included, Provenance};
use super::*;
use crate::domain::Annotation;
use crate::kafka::ingest::Ledger;

fn builder() -> RecordBuilder {
    let encoder = (DEFAULT_FORMAT.encoder)(&Provenance::of_bundle("b"));
    RecordBuilder::new(&config(), encoder, 65_536)
}

fn record_of(source: SourceRecord, answer: Answer) -> OutgoingRecord {
    let ticket = Ledger::default().issue(0, 5);
    let outcome = Outcome { source: Arc::new(source), answer, ticket, attempts: 1 };
    let mut records = builder().build(outcome, UNIX_EPOCH);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn annotation_of(source: SourceRecord) -> OutgoingRecord {
    let annotation = Annotation { triples: vec![], degraded: vec![] };
    let annotated =
        Annotated { post_id: "p".to_owned(), media: vec![], annotation, included: Included::default() };
    record_of(source, Answer::Annotated(annotated))
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
