//! Tests of pending records: formats with several records for one answer, or none.

use std::sync::mpsc::{Receiver, sync_channel};

use bytes::Bytes;

use super::super::formats::{EncodedRecord, Encoder};
use super::super::record_builder::Output;
use super::super::samples::{config, source};
use super::super::{Annotated, PostFacts, Shape};
use super::*;
use crate::domain::Annotation;
use crate::kafka::ingest::Ledger;

/// Writes as many records as the post's id says, each under its own key.
fn several() -> Encoder {
    Encoder::new(|annotated, _| {
        let record = |number| EncodedRecord {
            key: Some(Bytes::from(format!("{}-{number}", annotated.post_id))),
            ..EncodedRecord::new("text/plain", format!("record {number}"))
        };
        (0..annotated.post_id.parse().unwrap()).map(record).collect()
    })
}

fn posts() -> TopicPartition {
    TopicPartition::new("posts", 0)
}

fn outputs() -> Vec<Output> {
    vec![Output { name: "main".into(), topic: "out".into(), shape: Shape::Post, encoder: several() }]
}

fn pending() -> (PendingRecords, Receiver<Ticket>) {
    let (settled, tickets) = sync_channel(10);
    let builder = RecordBuilder::new(&config(), outputs(), 65_536);
    let observers = (Arc::new(Metrics::new()), Arc::new(Health::default()));
    (PendingRecords::new(builder, (settled, Fence::default()), observers), tickets)
}

fn outcome(ticket: Ticket, records: usize) -> Outcome {
    let annotation = Annotation { triples: vec![], degraded: vec![] };
    let (post_id, post) = (records.to_string(), PostFacts::default());
    let answer =
        Answer::Annotated(Box::new(Annotated { post_id, key: None, media: vec![], annotation, post }));
    Outcome { source: Arc::new(source()), answer, ticket, attempts: 1 }
}

#[test]
fn a_ticket_returns_with_the_last_record_of_its_answer() {
    let (mut pending, tickets) = pending();
    let mut ledger = Ledger::default();
    pending.accept(outcome(ledger.issue(&posts(), 7), 3));
    let records: Vec<OutgoingRecord> = std::iter::from_fn(|| pending.take()).collect();
    let keys: Vec<&[u8]> = records.iter().filter_map(|record| record.key.as_deref()).collect();
    assert_eq!(keys, [b"3-0", b"3-1", b"3-2"]);
    // Two come back to their places and are taken in the same order.
    let mut records = records.into_iter();
    let delivered = records.next().unwrap();
    records.rev().for_each(|record| pending.put_back(record));
    pending.delivered(delivered);
    for key in [&b"3-1"[..], b"3-2"] {
        assert!(tickets.try_recv().is_err(), "records are pending");
        assert_eq!(pending.published().annotations, 0);
        let record = pending.take().unwrap();
        assert_eq!(record.key.as_deref(), Some(key));
        pending.delivered(record);
    }
    assert_eq!(tickets.try_recv().unwrap().offset(), 7);
    assert_eq!(pending.published().annotations, 1);
}

#[test]
fn an_answer_without_records_settles_its_ticket_in_its_turn() {
    let (mut pending, tickets) = pending();
    let mut ledger = Ledger::default();
    let [first, second] = [7, 8].map(|offset| ledger.issue(&posts(), offset));
    pending.accept(outcome(second, 0));
    assert!(pending.take().is_none(), "an earlier record has no outcome yet");
    pending.accept(outcome(first, 0));
    for offset in [7, 8] {
        let record = pending.take().unwrap();
        assert!(!record.is_written());
        pending.delivered(record);
        assert_eq!(tickets.try_recv().unwrap().offset(), offset);
    }
    assert_eq!(pending.published().annotations, 2);
}

#[test]
fn records_of_a_revoked_partition_return_their_ticket_once() {
    let (mut pending, tickets) = pending();
    let mut ledger = Ledger::default();
    pending.accept(outcome(ledger.issue(&posts(), 7), 3));
    pending.fence.raise(&[posts()], ledger.generation());
    assert!(pending.take().is_none());
    assert_eq!(tickets.try_iter().map(|ticket| ticket.offset()).collect::<Vec<_>>(), [7]);
    assert_eq!(pending.published().annotations, 0);
}

#[test]
fn a_revoked_partition_takes_no_answers_of_its_namesake_in_another_topic_along() {
    let (mut pending, tickets) = pending();
    let mut ledger = Ledger::default();
    let namesake = TopicPartition::new("others", 0);
    let [revoked, kept] = [&posts(), &namesake].map(|partition| ledger.issue(partition, 7));
    pending.accept(outcome(revoked, 1));
    pending.accept(outcome(kept, 1));
    pending.fence.raise(&[posts()], ledger.generation());
    let left: Vec<OutgoingRecord> = std::iter::from_fn(|| pending.take()).collect();
    assert_eq!(left.iter().map(|record| record.origin.ticket.partition()).collect::<Vec<_>>(), [&namesake]);
    assert_eq!(tickets.try_iter().map(|ticket| ticket.partition().clone()).collect::<Vec<_>>(), [posts()]);
}
