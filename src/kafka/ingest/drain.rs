//! Commit and drain: watermarks are committed every interval, and the last ones before the group is left.

use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use tracing::{debug, info, warn};

use super::consumer::{MAX_STANDSTILL, NAME, Reader, TICKET_WAIT};
use super::error::FINAL_COMMIT_TIMEOUT;
use super::{Consumed, IngestError, OffsetsBy, sent_offsets};
use crate::kafka::client::{TopicPartition, explain_error};
use crate::telemetry::{Causes, CommitFailure};

impl Reader {
    /// Sends watermarks that have moved. Only a refusal is reported, as an event.
    pub(super) fn commit(&mut self) {
        for (TopicPartition { topic, partition }, offset) in self.ledger.watermarks() {
            self.control.metrics.watermark(topic, *partition, offset);
        }
        for (TopicPartition { topic, partition }, records) in self.ledger.outstanding() {
            self.control.metrics.outstanding(topic, *partition, records);
        }
        self.report_lag();
        if self.offsets_by == OffsetsBy::Transaction {
            return;
        }
        if let Err(error) = self.offsets.send(&self.consumer, self.ledger.watermarks()) {
            // No assignment yet, or a rebalance: the next interval tries again.
            let quiet = error.rdkafka_error_code() == Some(RDKafkaErrorCode::NoOffset);
            if !quiet {
                self.control.metrics.ingest().commit_failed(CommitFailure::NotSent);
                warn!(error = explain_error(&error), "offsets could not be sent; they are sent again");
            }
        }
    }

    /// Stops reading, waits for open tickets, and commits.
    pub(super) fn drain(&mut self) -> Result<Consumed, IngestError> {
        self.control.health.is_draining();
        self.records = None;
        let paused = self.consumer.assignment().and_then(|assignment| self.consumer.pause(&assignment));
        if let Err(error) = paused {
            debug!(error = %Causes(&error), "partitions could not be paused for the drain");
        }
        while self.budget.posts() > 0 && !self.control.abort.is_cancelled() {
            self.control.health.ticked(NAME, MAX_STANDSTILL, Instant::now());
            if self.settle_returned(TICKET_WAIT).is_err() {
                break;
            }
            self.stay_in_group(Duration::ZERO);
        }
        let uncommitted = self.ledger.unsettled();
        info!(topics = %self.config.topic, records = self.records_read, uncommitted, "reading has ended");
        if self.offsets_by == OffsetsBy::Transaction {
            // A ticket is returned when its transaction is committed. An interrupted transaction hides the offsets
            // before it until the broker or the next engine with the same transactional id has ended it.
            return Ok(Consumed { records: self.records_read, uncommitted });
        }
        let watermarks: Vec<(TopicPartition, i64)> =
            self.ledger.watermarks().map(|(partition, offset)| (partition.clone(), offset)).collect();
        let deadline = Instant::now() + FINAL_COMMIT_TIMEOUT;
        loop {
            self.commit();
            if sent_offsets::are_committed(&self.consumer, &watermarks, FINAL_COMMIT_TIMEOUT / 5) {
                return Ok(Consumed { records: self.records_read, uncommitted });
            }
            if Instant::now() > deadline {
                self.control.metrics.ingest().commit_failed(CommitFailure::NotConfirmed);
                return Err(IngestError::FinalCommit { topics: Box::new(self.config.topic.clone()) });
            }
            self.stay_in_group(TICKET_WAIT);
        }
    }

    /// Polls to stay in the group. All partitions are paused.
    fn stay_in_group(&mut self, timeout: Duration) {
        if let Some(Ok(message)) = self.consumer.poll(timeout) {
            let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
            debug!(topic, partition, offset, "a record of a paused partition is left to the next reader");
        }
        if let Err(error) = self.handle_events() {
            debug!(error = %Causes(&error), "the next reader will detect this");
        }
    }
}
