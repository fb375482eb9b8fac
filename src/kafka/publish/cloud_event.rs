//! CloudEvents headers of answers: the binary mode of the CloudEvents Kafka binding, version 1.0.

use std::time::SystemTime;

use super::Shape;
use super::formats::rfc3339;
use super::outgoing_record::{OutgoingRecord, RecordKind};

/// The prefix of all headers of the binding.
pub(super) const PREFIX: &str = "ce_";

/// Names and values for a record of an output of that shape. The id is that of the record's place among all records of
/// its answer: a record that is written twice has it twice, and no other record has it.
pub(super) fn headers(record: &OutgoingRecord, shape: Shape, now: SystemTime) -> [(&'static str, String); 5] {
    let source = &record.origin.source;
    let kind = match (&record.kind, shape) {
        (RecordKind::Tombstone { .. }, _) => "riveg.deletion.v1",
        (_, Shape::Post) => "riveg.annotation.v1",
        (_, Shape::Triple) => "riveg.triple.v1",
    };
    let part = record.origin.part;
    [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", format!("{}/{}/{part}", source.partition, source.offset)),
        ("ce_source", format!("urn:riveg:{}", source.topic)),
        ("ce_type", kind.to_owned()),
        ("ce_time", rfc3339(now)),
    ]
}
