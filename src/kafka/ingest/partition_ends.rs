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
use tracing::debug;

use super::consumer::{Reader, TICKET_WAIT};
use super::probe::{ProbeRequest, ProbeResponse};
use super::{IngestError, SourceRecord};
use crate::kafka::client::{RecordHeaders, TopicPartition};
use crate::telemetry::Causes;

/// How long to wait for the ends when reading stops. The client reaches an end within half a second, while it waits for
/// further records.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

impl Reader {
    /// The client has reached the end of the partition of that number.
    pub(super) fn record_end(&mut self, number: i32) {
        // The group seems to lag by some markers until the next record. That is acceptable.
        let Some(end) = self.consumer.context().end() else {
            debug!(number, "the client does not report where the partition ends");
            return;
        };
        self.ends.insert(TopicPartition::new(self.config.topic.as_str(), number), end);
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
                Some(ProbeResponse::Topic(_)) | None => {}
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
