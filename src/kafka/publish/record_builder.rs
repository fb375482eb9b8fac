//! Record builder: makes outgoing records of outcomes, and smaller records of those that are refused.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rdkafka::message::{Header, OwnedHeaders};

use super::dead_letter::DeadLetter;
use super::formats::{AnswerTimes, Deletion, EncodedRecord, Encoder};
use super::outgoing_record::{Origin, OutgoingRecord, RecordKind};
use super::truncation::Truncation;
use super::{Answer, Config, Outcome, Shape, cloud_event};
use crate::domain::{Rejection, RejectionClass};
use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::SourceRecord;

/// A dead letter has this header if its key was added because the topic requires one.
pub const KEY_ADDED_HEADER: &str = "riveg.error.key-added";

/// Copied headers are dropped from an answer that is too large only if they take at least this many bytes. Fewer are
/// not worth another attempt.
const MIN_DROPPED_HEADER_BYTES: usize = 1_024;

/// A record above this size, in bytes, may be refused by its topic. It is sent alone, so that no later record is
/// written before it is made smaller. Kafka's default limit is four times as much.
const LARGE: usize = 256 * 1_024;

/// A refused record, changed so that the broker may accept it.
#[derive(Debug)]
pub(super) enum Adjusted {
    Changed(OutgoingRecord),
    /// Nothing can be changed, or the record is not the cause.
    Unchanged(OutgoingRecord),
}

/// An output with its encoder.
#[derive(Debug, Clone)]
pub(super) struct Output {
    /// Its name in messages and metrics.
    pub(super) name: Arc<str>,
    pub(super) topic: Arc<str>,
    pub(super) shape: Shape,
    pub(super) encoder: Encoder,
}

/// Builds outgoing records.
#[derive(Debug, Clone)]
pub(super) struct RecordBuilder {
    outputs: Vec<Output>,
    dead_letter_topic: Arc<str>,
    config: Config,
    batch_bytes: usize,
}

impl RecordBuilder {
    /// `batch_bytes`: limit of the bytes of records that share a batch.
    pub(super) fn new(config: &Config, outputs: Vec<Output>, batch_bytes: usize) -> Self {
        Self {
            outputs,
            dead_letter_topic: config.dead_letter_topic.as_str().into(),
            config: config.clone(),
            batch_bytes,
        }
    }

    /// The records of an outcome: at least one, which may be one that is not written.
    pub(super) fn build(&self, outcome: Outcome, now: SystemTime) -> Vec<OutgoingRecord> {
        let Outcome { source, answer, ticket, attempts } = outcome;
        source.trace.publishing();
        let origin = Origin { source, ticket: Arc::new(ticket), part: 0, attempts };
        let mut records = match answer {
            Answer::Several(answers) => self.records_of_several(answers, &origin, now),
            // The key of the record is the key of its only answer.
            answer => self.records_of(answer, &origin, now, |config, post_id| {
                config.answer_key(&origin.source, post_id)
            }),
        };
        for (part, record) in records.iter_mut().enumerate() {
            record.origin.part = part;
            if self.config.cloudevents {
                self.add_cloud_event(record, now);
            }
        }
        records
    }

    /// Adds the headers of CloudEvents to a record of an output.
    fn add_cloud_event(&self, record: &mut OutgoingRecord, now: SystemTime) {
        let Some(output) = self.outputs.iter().find(|output| Some(&output.name) == record.output.as_ref())
        else {
            return;
        };
        for (name, value) in cloud_event::headers(record, output.shape, now) {
            record.format_headers.push(name, Some(value.as_bytes()));
            let header = Header { key: name, value: Some(value.as_str()) };
            record.headers = std::mem::take(&mut record.headers).insert(header);
        }
    }

    /// The records of a record's several answers. Each has the id of its post as key, because the record's own would be
    /// that of all of them. All rejections are in one dead letter: it is the record, which they share.
    fn records_of_several(
        &self,
        answers: Vec<Answer>,
        origin: &Origin,
        now: SystemTime,
    ) -> Vec<OutgoingRecord> {
        let all = answers.len();
        let mut rejections = Vec::new();
        let mut records = Vec::new();
        for answer in answers {
            match answer {
                Answer::Rejected(rejection) => rejections.push(rejection),
                answer => records.extend(
                    self.records_of(answer, origin, now, |_, id| Bytes::copy_from_slice(id.as_bytes())),
                ),
            }
        }
        if records.iter().any(OutgoingRecord::is_written) {
            records.retain(OutgoingRecord::is_written);
        }
        if let Some(rejection) = joined(rejections, all) {
            records.retain(OutgoingRecord::is_written);
            records.push(self.dead_letter(origin.clone(), rejection, Truncation::None));
        }
        if records.is_empty() {
            records = self.records_of(Answer::Ignored, origin, now, |_, _| Bytes::new());
        }
        records
    }

    /// The records of one answer; `key_of` makes the key of a post's answer from its id.
    fn records_of(
        &self,
        answer: Answer,
        origin: &Origin,
        now: SystemTime,
        key_of: impl Fn(&Config, &str) -> Bytes,
    ) -> Vec<OutgoingRecord> {
        // It is not written: its topic does not matter.
        let unwritten = |kind| vec![self.unwritten(kind, origin.clone())];
        match answer {
            Answer::Annotated(annotated) => {
                let times = AnswerTimes { ingested: origin.source.received, published: now };
                let mut records = Vec::new();
                for output in &self.outputs {
                    for EncodedRecord { key, value, headers } in output.encoder.encode(&annotated, times) {
                        let key = key.unwrap_or_else(|| key_of(&self.config, annotated.key_id()));
                        let parts = (Some(key), Some(value), headers);
                        records.push(self.record(output, RecordKind::Annotation, parts, origin.clone()));
                    }
                }
                if records.is_empty() { unwritten(RecordKind::EmptyAnnotation) } else { records }
            }
            Answer::Rejected(rejection) => {
                vec![self.dead_letter(origin.clone(), rejection, Truncation::None)]
            }
            Answer::Tombstone => self.deletions(&origin.source.key.clone().unwrap_or_default(), None, origin),
            Answer::Deleted { post_id } => {
                self.deletions(&key_of(&self.config, &post_id), Some(&post_id), origin)
            }
            Answer::Skipped => unwritten(RecordKind::Skipped),
            Answer::Ignored | Answer::Several(_) => unwritten(RecordKind::Ignored),
            Answer::Gap => unwritten(RecordKind::Gap),
        }
    }

    /// The records of a deletion, for each output.
    fn deletions(&self, key: &Bytes, post_id: Option<&str>, origin: &Origin) -> Vec<OutgoingRecord> {
        let mut records = Vec::new();
        let mut push = |output, parts| {
            let kind = RecordKind::Tombstone { is_first: records.is_empty() };
            records.push(self.record(output, kind, parts, origin.clone()));
        };
        for output in &self.outputs {
            match output.encoder.delete(&Deletion { key, post_id }) {
                None => push(output, (Some(key.clone()), None, RecordHeaders::default())),
                Some(encoded) => encoded.into_iter().for_each(|record| {
                    let EncodedRecord { key: own, value, headers } = record;
                    push(output, (Some(own.unwrap_or_else(|| key.clone())), Some(value), headers));
                }),
            }
        }
        if records.is_empty() { vec![self.unwritten(RecordKind::Ignored, origin.clone())] } else { records }
    }

    /// A record that only settles its ticket, in partition order.
    fn unwritten(&self, kind: RecordKind, origin: Origin) -> OutgoingRecord {
        OutgoingRecord {
            kind,
            output: None,
            topic: self.dead_letter_topic.clone(),
            key: None,
            value: None,
            headers: OwnedHeaders::new(),
            format_headers: RecordHeaders::default(),
            copied_header_bytes: 0,
            timestamp: None,
            send_alone: false,
            has_own_batch: false,
            origin,
        }
    }

    /// A record of an output: its key, value and headers of the format.
    fn record(
        &self,
        output: &Output,
        kind: RecordKind,
        (key, value, format_headers): (Option<Bytes>, Option<Bytes>, RecordHeaders),
        origin: Origin,
    ) -> OutgoingRecord {
        let source = &origin.source;
        let copied = self.config.copied_headers(source);
        let copied_header_bytes = copied.bytes();
        let size = [&key, &value].into_iter().flatten().map(Bytes::len).sum::<usize>() + copied_header_bytes;
        OutgoingRecord {
            headers: answer_headers(copied, &format_headers, source, source.headers.unreadable()),
            format_headers,
            copied_header_bytes,
            timestamp: self.config.answer_timestamp(source),
            send_alone: size > LARGE,
            has_own_batch: size > self.batch_bytes,
            output: Some(output.name.clone()),
            topic: output.topic.clone(),
            kind,
            key,
            value,
            origin,
        }
    }

    fn dead_letter(&self, origin: Origin, rejection: Rejection, truncation: Truncation) -> OutgoingRecord {
        let letter = DeadLetter::new(&origin.source, (&rejection, origin.attempts), truncation);
        let parts = [&letter.key, &letter.value].into_iter().flatten().map(Bytes::len);
        let size = parts.sum::<usize>() + letter.headers.bytes();
        OutgoingRecord {
            kind: RecordKind::DeadLetter(rejection, truncation),
            output: None,
            topic: self.dead_letter_topic.clone(),
            key: letter.key,
            value: letter.value,
            headers: letter.headers.to_owned_headers(),
            format_headers: RecordHeaders::default(),
            copied_header_bytes: 0,
            // The time of the rejection: the record's own timestamp is in its headers.
            timestamp: None,
            send_alone: size > LARGE,
            has_own_batch: size > self.batch_bytes,
            origin,
        }
    }

    /// A smaller record in place of one that is too large. An annotation first loses the headers copied from the input,
    /// then becomes a dead letter; a dead letter loses parts of its record.
    pub(super) fn smaller(&self, record: OutgoingRecord) -> Adjusted {
        let size = record.value.as_ref().map_or(0, Bytes::len);
        match record.kind {
            _ if record.copied_header_bytes >= MIN_DROPPED_HEADER_BYTES => {
                let source = &record.origin.source;
                let omitted = self.config.copied_headers(source).len() + source.headers.unreadable();
                let headers =
                    answer_headers(RecordHeaders::default(), &record.format_headers, source, omitted);
                Adjusted::Changed(OutgoingRecord { copied_header_bytes: 0, headers, ..record })
            }
            RecordKind::DeadLetter(rejection, truncation) => match truncation.next(&record.origin.source) {
                Some(truncation) => Adjusted::Changed(self.dead_letter(record.origin, rejection, truncation)),
                None => Adjusted::Unchanged(OutgoingRecord {
                    kind: RecordKind::DeadLetter(rejection, truncation),
                    ..record
                }),
            },
            RecordKind::Annotation
            | RecordKind::Tombstone { .. }
            | RecordKind::EmptyAnnotation
            | RecordKind::Skipped
            | RecordKind::Ignored
            | RecordKind::Gap => {
                let is_deletion = matches!(record.kind, RecordKind::Tombstone { .. });
                let what = if is_deletion { "deletion" } else { "annotation" };
                let key = record.key.as_ref().map_or(0, Bytes::len);
                let message = format!(
                    "the {what} has {size} bytes under a key of {key}, more than topic `{}` of the output `{}` takes",
                    record.topic,
                    record.output.as_deref().unwrap_or_default()
                );
                let rejection = Rejection { stage: "publish", class: RejectionClass::TooLarge, message };
                Adjusted::Changed(self.dead_letter(record.origin, rejection, Truncation::None))
            }
        }
    }

    /// A dead letter without a key gets one, for topics that require it: topic, partition and offset of its record.
    pub(super) fn with_key(mut record: OutgoingRecord) -> Adjusted {
        if record.key.is_some() || !matches!(record.kind, RecordKind::DeadLetter(..)) {
            return Adjusted::Unchanged(record);
        }
        let SourceRecord { topic, partition, offset, .. } = &*record.origin.source;
        let key = format!("{topic}/{partition}/{offset}");
        let header =
            Header { key: KEY_ADDED_HEADER, value: Some("the record has none, and the topic wants one") };
        record.headers = std::mem::take(&mut record.headers).insert(header);
        record.key = Some(key.into());
        Adjusted::Changed(record)
    }
}

/// The most rejections of one record that its dead letter quotes.
const QUOTED_REJECTIONS: usize = 3;

/// One rejection of several posts of a record: the class of the first, and what is wrong with each.
fn joined(rejections: Vec<Rejection>, all: usize) -> Option<Rejection> {
    let count = rejections.len();
    let messages: Vec<&str> =
        rejections.iter().take(QUOTED_REJECTIONS).map(|rejection| rejection.message.as_str()).collect();
    let more = if count > QUOTED_REJECTIONS { "; and so on" } else { "" };
    let message = format!("{count} of the record's {all} events are rejected: {}{more}", messages.join("; "));
    rejections.into_iter().next().map(|first| Rejection { message, ..first })
}

/// The headers of an answer or a tombstone: those copied from the input, those of the output format, then the position
/// of the input record, by which readers recognise an answer that they get twice.
fn answer_headers(
    mut headers: RecordHeaders,
    format_headers: &RecordHeaders,
    source: &SourceRecord,
    omitted: usize,
) -> OwnedHeaders {
    format_headers.iter().for_each(|(name, value)| headers.push(name, value));
    let mut add = |name: &str, value: &str| headers.push(name, Some(value.as_bytes()));
    add("riveg.source.topic", &source.topic);
    add("riveg.source.partition", &source.partition.to_string());
    add("riveg.source.offset", &source.offset.to_string());
    if omitted > 0 {
        add("riveg.source.headers-omitted", &omitted.to_string());
    }
    headers.to_owned_headers()
}

#[cfg(test)]
mod tests;
