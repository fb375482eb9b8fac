//! Partition ends: offsets after the last record. Transaction markers and aborted records have offsets too, which are
//! never delivered. Without committing them a group never seems to have read everything.
//!
//! When the client reaches an end it reports its offset, and has delivered all records before it. Offsets between the
//! last record and that end go through the engine as a gap, in their place in the order, so that they are committed
//! like those of posts, with both kinds of delivery.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::Message;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use tracing::debug;

use super::consumer::{Reader, TICKET_WAIT};
use super::probe::{ProbeRequest, ProbeResponse};
use super::{IngestError, SourceRecord};
use crate::kafka::client::{RecordHeaders, TopicPartition};
use crate::telemetry::Causes;
use crate::telemetry::traces::PostTrace;

/// How long to wait for the ends when reading stops. The client reaches an end within half a second, while it waits for
/// further records.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

impl Reader {
    /// The client has reached the end of a partition. It says its number, and not of which topic.
    pub(super) fn record_end(&mut self, number: i32) {
        // The group seems to lag by some markers until the next record. That is acceptable.
        let Some(end) = self.consumer.context().end() else {
            debug!(number, "the client does not report where the partition ends");
            return;
        };
        let namesakes: Vec<TopicPartition> =
            self.assigned.keys().filter(|partition| partition.partition == number).cloned().collect();
        let [partition] = &namesakes[..] else {
            self.record_end_of_one(&namesakes, end);
            return;
        };
        self.ends.insert(partition.clone(), end);
    }

    /// One of several partitions has ended. It is one whose records before that end have all come: the client counts
    /// markers in its own positions.
    fn record_end_of_one(&mut self, namesakes: &[TopicPartition], end: i64) {
        let positions = match self.consumer.position() {
            Ok(positions) => positions,
            Err(error) => {
                debug!(error = %Causes(&error), "the positions of the client are unknown");
                return;
            }
        };
        for partition in namesakes {
            let element = positions.find_partition(&partition.topic, partition.partition);
            let position = element.and_then(|element| element.offset().to_raw());
            let former = self.assigned.get(partition).copied().flatten();
            if is_at_end(position, former, end) {
                self.ends.insert(partition.clone(), end);
            }
        }
    }

    /// Notes the positions that the client reports of partitions that were assigned now. They may be those of an earlier
    /// assignment, until the client begins to fetch.
    pub(super) fn note_former_positions(&mut self, assigned: &TopicPartitionList) {
        let positions = self.consumer.position().unwrap_or_default();
        for partition in TopicPartition::all_of(assigned) {
            let element = positions.find_partition(&partition.topic, partition.partition);
            let position = element.and_then(|element| element.offset().to_raw());
            self.assigned.insert(partition, position);
        }
    }

    /// Delivers the gaps between the last records and the ends, if there is room.
    pub(super) fn deliver_gaps(&mut self) -> Result<(), IngestError> {
        while self.budget.has_room()
            && let Some((partition, end)) = self.ends.pop_first()
        {
            // An unknown position means that nothing was read since the partition was assigned.
            if end < 1 || self.positions.of(&partition).is_some_and(|position| position >= end) {
                continue;
            }
            debug!(%partition, end, "only markers before the end");
            self.positions.set(&partition, end);
            let TopicPartition { topic, partition } = partition;
            let source = SourceRecord {
                topic,
                partition,
                offset: end - 1,
                timestamp: None,
                key: None,
                value: None,
                headers: RecordHeaders::default(),
                received: SystemTime::now(),
                // Nothing is done for it.
                trace: PostTrace::default(),
            };
            self.deliver(Arc::new(source), true)?;
        }
        Ok(())
    }

    /// Before reading stops: waits until the client has reached the ends that the brokers report. A record that comes
    /// instead is left to the next reader.
    pub(super) fn settle_ends(&mut self) -> Result<(), IngestError> {
        let deadline = Instant::now() + CLOSING_TIMEOUT;
        let partitions = self.positions.partitions();
        // Paused partitions have further records.
        if self.paused || self.availability.is_impaired() || partitions.is_empty() {
            return Ok(());
        }
        let mut awaited: Option<BTreeMap<TopicPartition, i64>> = None;
        if !self.probe.ask(ProbeRequest::FinalEnds(partitions)) {
            return Ok(());
        }
        while Instant::now() < deadline && !self.control.abort.is_cancelled() {
            self.settle_returned(Duration::ZERO)?;
            match self.probe.response() {
                Some(ProbeResponse::FinalEnds(ends)) => awaited = Some(ends),
                Some(ProbeResponse::LagEnds(ends)) => self.lag.update(ends, SystemTime::now()),
                Some(ProbeResponse::Topics(_)) | None => {}
            }
            match self.consumer.poll(TICKET_WAIT) {
                // It will be read again, so no later end counts.
                Some(Ok(message)) => {
                    let partition = TopicPartition::new(message.topic(), message.partition());
                    self.positions.set(&partition, i64::MAX);
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => self.record_end(partition),
                Some(Err(error)) => debug!(error = %Causes(&error), "poll"),
                None => {}
            }
            self.handle_events()?;
            self.deliver_gaps()?;
            let is_behind = |(partition, end): (&TopicPartition, &i64)| {
                self.positions.of(partition).is_some_and(|position| position < *end)
            };
            if awaited.as_ref().is_some_and(|ends| !ends.iter().any(is_behind)) {
                break;
            }
        }
        Ok(())
    }
}

/// Whether a client with that position has delivered all records before an end. `former`: a position that may be one of
/// an earlier assignment.
fn is_at_end(position: Option<i64>, former: Option<i64>, end: i64) -> bool {
    position == Some(end) && position != former
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_belongs_to_a_partition_whose_position_it_is_in_this_assignment() {
        let cases = [
            ("all before it has come", Some(8), None, true),
            ("records are to come", Some(5), None, false),
            ("the client has not begun", None, None, false),
            ("the position may be an old one", Some(8), Some(8), false),
            ("the client has begun since", Some(8), Some(3), true),
            ("another partition has ended", Some(9), None, false),
        ];
        for (case, position, former, is) in cases {
            assert_eq!(is_at_end(position, former, 8), is, "{case}");
        }
    }
}
