//! Pending records: those that may be written and are not delivered yet, in the order of reading. Records of partitions
//! that were revoked meanwhile are dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::error::RDKafkaErrorCode;
use tracing::{debug, warn};

use super::outgoing_record::{Origin, OutgoingRecord, RecordKind};
use super::post_id::post_id;
use super::record_builder::{Adjusted, RecordBuilder};
use super::truncation::Truncation;
use super::{Answer, Outcome, Published, Sequencer};
use crate::domain::Rejection;
use crate::kafka::client::TopicPartition;
use crate::kafka::ingest::{Fence, SourceRecord, Ticket};
use crate::telemetry::{Health, LogThrottle, Metrics, Tombstone};

/// The name of this part in readiness.
const NAME: &str = "publish";

/// Records from the sequencer to their delivery. Every ticket that comes in is returned.
pub(super) struct PendingRecords {
    builder: RecordBuilder,
    sequencer: Sequencer<(Arc<SourceRecord>, Answer, u32)>,
    settled: SyncSender<Ticket>,
    fence: Fence,
    /// Released by the sequencer and not delivered.
    records: BTreeMap<Place, OutgoingRecord>,
    published: Published,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    blocked_warning: LogThrottle,
    truncation_warning: LogThrottle,
    timestamp_warning: LogThrottle,
}

/// Partition, generation and sequence of a record's ticket, and the record's place in its answer.
type Place = (TopicPartition, u64, u64, usize);

impl PendingRecords {
    pub(super) fn new(
        builder: RecordBuilder,
        (settled, fence): (SyncSender<Ticket>, Fence),
        (metrics, health): (Arc<Metrics>, Arc<Health>),
    ) -> Self {
        Self {
            builder,
            sequencer: Sequencer::default(),
            settled,
            fence,
            records: BTreeMap::new(),
            published: Published::default(),
            metrics,
            health,
            blocked_warning: LogThrottle::new(Duration::from_secs(30)),
            truncation_warning: LogThrottle::new(Duration::from_secs(30)),
            timestamp_warning: LogThrottle::new(Duration::from_secs(30)),
        }
    }

    /// Accepts an outcome. Its records become available when all outcomes of earlier records have come.
    pub(super) fn accept(&mut self, outcome: Outcome) {
        let Outcome { source, answer, ticket, attempts } = outcome;
        let released = self.sequencer.push(ticket, (source, answer, attempts));
        for (ticket, _) in released.stale {
            self.settle(ticket);
        }
        let now = SystemTime::now();
        for (ticket, (source, answer, attempts)) in released.in_order {
            let records = self.builder.build(Outcome { source, answer, ticket, attempts }, now);
            records.into_iter().for_each(|record| self.put_back(record));
        }
    }

    /// The next record to be written. Records of revoked partitions are dropped: the new owner writes them.
    pub(super) fn take(&mut self) -> Option<OutgoingRecord> {
        while let Some((_, record)) = self.records.pop_first() {
            if !self.fence.is_fenced(&record.origin.ticket) {
                return Some(record);
            }
            let ticket = record.origin.ticket;
            let TopicPartition { topic, partition } = ticket.partition();
            let offset = ticket.offset();
            debug!(topic = &**topic, partition, offset, "an answer is dropped: its partition was revoked");
            self.settle_last(ticket);
        }
        None
    }

    /// Returns a record that was not written to its place.
    pub(super) fn put_back(&mut self, record: OutgoingRecord) {
        let Origin { ticket, part, .. } = &record.origin;
        let place = (ticket.partition().clone(), ticket.generation(), ticket.sequence(), *part);
        self.records.insert(place, record);
    }

    /// Changes a refused record so that it may be accepted. `by_broker`: the broker refused the whole batch, so the
    /// record is sent alone once more before it is considered too large.
    pub(super) fn adjust(
        &mut self,
        mut record: OutgoingRecord,
        code: Option<RDKafkaErrorCode>,
        by_broker: bool,
    ) -> Adjusted {
        use RDKafkaErrorCode as Code;
        match code {
            // Another record of its batch is the cause.
            Some(Code::InvalidDifferentRecord) => Adjusted::Changed(record),
            // The timestamp is too far from the broker's time. If several records of a batch are refused, the client
            // only reports that they are invalid.
            Some(Code::InvalidTimestamp | Code::InvalidRecord) if record.timestamp.is_some() => {
                if self.timestamp_warning.is_due(Instant::now()) {
                    warn!(
                        topic = &*record.topic,
                        "timestamps are refused; answers are written with the time of writing"
                    );
                }
                record.timestamp = None;
                Adjusted::Changed(record)
            }
            Some(Code::InvalidRecord) => RecordBuilder::with_key(record),
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => {
                if by_broker && !record.send_alone && !record.has_own_batch {
                    record.send_alone = true;
                    return Adjusted::Changed(record);
                }
                let output = record.output.clone();
                let adjusted = self.builder.smaller(record);
                if let (Some(output), Adjusted::Changed(OutgoingRecord { output: None, .. })) =
                    (output, &adjusted)
                {
                    self.metrics.outputs().too_large(&output);
                }
                adjusted
            }
            _ => Adjusted::Unchanged(record),
        }
    }

    /// A record is delivered, or was not to be written and its turn has come.
    pub(super) fn delivered(&mut self, record: OutgoingRecord) {
        let is_written = record.is_written();
        match &record.kind {
            RecordKind::DeadLetter(rejection, truncation) => {
                self.published.dead_letters += 1;
                self.metrics.dead_letter(rejection.class.as_str());
                let (source, truncation) = (Arc::clone(&record.origin.source), *truncation);
                self.log_dead_letter(&source, rejection);
                self.count_truncation(&source, truncation);
            }
            RecordKind::Tombstone { is_first } => {
                if *is_first {
                    self.metrics.ingest().tombstone(Tombstone::Forwarded);
                }
            }
            RecordKind::Skipped => self.metrics.ingest().tombstone(Tombstone::Skipped),
            RecordKind::Annotation | RecordKind::EmptyAnnotation | RecordKind::Ignored | RecordKind::Gap => {}
        }
        if is_written {
            self.metrics.produced(&record.topic, record.bytes());
            if let Some(output) = &record.output {
                let is_deletion = matches!(record.kind, RecordKind::Tombstone { .. });
                self.metrics.outputs().written(output, is_deletion);
            }
        }
        let is_annotation = matches!(record.kind, RecordKind::Annotation | RecordKind::EmptyAnnotation);
        let (timestamp, trace) = (record.origin.source.timestamp, record.origin.source.trace.recorded_id());
        if self.settle_last(record.origin.ticket) {
            self.published.annotations += u64::from(is_annotation);
            if let Some(age) = timestamp.filter(|_| is_written).and_then(age) {
                self.metrics.delivered(age, trace);
            }
        }
        if is_written {
            self.report_working();
        }
    }

    /// Names a post that became a dead letter, with class and stage of its rejection and without its content.
    fn log_dead_letter(&self, source: &SourceRecord, rejection: &Rejection) {
        let (class, stage) = (rejection.class.as_str(), rejection.stage);
        if self.metrics.dead_letter_log().should_log(class, Instant::now()) {
            let (topic, partition, offset) = (&*source.topic, source.partition, source.offset);
            let id = source.value.as_deref().and_then(post_id);
            let trace_id = source.trace.id();
            warn!(id, class, stage, topic, partition, offset, trace_id, "a post has become a dead letter");
        }
    }

    /// Counts the parts that a dead letter lost. The warning is throttled, since a feed may be full of such records.
    fn count_truncation(&mut self, source: &SourceRecord, truncation: Truncation) {
        let omitted: Vec<&str> =
            truncation.omitted_parts(source).into_iter().map(Truncation::as_str).collect();
        omitted.iter().for_each(|part| self.metrics.dead_letter_cut(part));
        if !omitted.is_empty() && self.truncation_warning.is_due(Instant::now()) {
            let (topic, partition, offset) = (&*source.topic, source.partition, source.offset);
            let given_up = omitted.join(", ");
            warn!(
                topic,
                partition, offset, given_up, "a dead letter was cut: its topic takes no record so large"
            );
        }
    }

    /// Writing fails for a reason that may pass.
    pub(super) fn report_blocked(&mut self, reason: String) {
        if self.blocked_warning.is_due(Instant::now()) {
            warn!(reason, "nothing can be written; still trying");
        }
        self.health.waits(NAME, reason);
    }

    /// Writing works.
    pub(super) fn report_working(&mut self) {
        self.blocked_warning.reset();
        self.health.no_longer_waits(NAME);
    }

    /// This process will never write again.
    pub(super) fn report_lost(&self, reason: &str) {
        self.health.is_lost(reason);
    }

    /// Whether no record may be written now.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many records may be written now.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many outcomes wait for an earlier one.
    pub(super) fn waiting(&self) -> usize {
        self.sequencer.waiting()
    }

    /// How much was delivered.
    pub(super) fn published(&self) -> Published {
        self.published
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns a ticket if no other record of its answer is pending. Whether it did.
    fn settle_last(&self, ticket: Arc<Ticket>) -> bool {
        let ticket = Arc::into_inner(ticket);
        let is_last = ticket.is_some();
        ticket.into_iter().for_each(|ticket| self.settle(ticket));
        is_last
    }

    fn settle(&self, ticket: Ticket) {
        if self.settled.send(ticket).is_err() {
            debug!("the reader has ended: a ticket is dropped");
        }
    }
}

/// The age of a record with that timestamp. None if the timestamp lies in the future.
fn age(timestamp: i64) -> Option<Duration> {
    let written = UNIX_EPOCH + Duration::from_millis(u64::try_from(timestamp).ok()?);
    SystemTime::now().duration_since(written).ok()
}

#[cfg(test)]
mod tests;
