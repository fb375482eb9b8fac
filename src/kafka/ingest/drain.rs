//! What is committed, and how does reading end? Watermarks every interval, and the last of them before the group is left.

use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use tracing::{debug, info, warn};

use super::consumer::{NAME, Reader, STANDSTILL, TICKET};
use super::reading::FINAL_COMMIT;
use super::{Consumed, IngestError, OffsetsBy, offsets};
use crate::kafka::client::explain_error;
use crate::telemetry::{Causes, CommitFailure};

impl Reader {
    /// Sends the watermarks that have moved. Only a refusal is answered, as an event.
    pub(super) fn commit(&mut self) {
        for (partition, offset) in self.ledger.watermarks() {
            self.watch.metrics.watermark(&self.topic, partition, offset);
        }
        for (partition, records) in self.ledger.outstanding() {
            self.watch.metrics.outstanding(&self.topic, partition, records);
        }
        self.tell_lag();
        if self.config.offsets_by == OffsetsBy::Transaction {
            return;
        }
        if let Err(error) = self.offsets.send(&self.consumer, &self.topic, self.ledger.watermarks()) {
            // No group yet, or a rebalance under way: the next interval tries again.
            let quiet = error.rdkafka_error_code() == Some(RDKafkaErrorCode::NoOffset);
            if !quiet {
                self.watch.metrics.ingest().commit_failed(CommitFailure::NotSent);
                warn!(error = explain_error(&error), "offsets could not be sent; they are sent again");
            }
        }
    }

    /// Reads no more, waits for what is out, and commits it.
    pub(super) fn drain(&mut self) -> Result<Consumed, IngestError> {
        self.watch.health.is_draining();
        self.deliveries = None;
        let paused = self.consumer.assignment().and_then(|assignment| self.consumer.pause(&assignment));
        if let Err(error) = paused {
            debug!(error = %Causes(&error), "partitions could not be paused for the drain");
        }
        while self.budget.posts() > 0 && !self.watch.abort.is_cancelled() {
            self.watch.health.ticked(NAME, STANDSTILL, Instant::now());
            if self.settle_returned(TICKET).is_err() {
                break;
            }
            self.keep_in_group(Duration::ZERO);
        }
        let uncommitted = self.ledger.unsettled();
        info!(topic = &*self.topic, records = self.records, uncommitted, "reading has ended");
        if self.config.offsets_by == OffsetsBy::Transaction {
            // A ticket comes back when the broker has its transaction. One that was cut off meanwhile hides the
            // offsets before it, until the broker or the next engine under its name has ended it.
            return Ok(Consumed { records: self.records, uncommitted });
        }
        let watermarks: Vec<(i32, i64)> = self.ledger.watermarks().collect();
        let deadline = Instant::now() + FINAL_COMMIT;
        loop {
            self.commit();
            if offsets::are_held(&self.consumer, &self.topic, &watermarks, FINAL_COMMIT / 5) {
                return Ok(Consumed { records: self.records, uncommitted });
            }
            if Instant::now() > deadline {
                self.watch.metrics.ingest().commit_failed(CommitFailure::NotConfirmed);
                return Err(IngestError::FinalCommit { topic: self.config.topic.clone() });
            }
            self.keep_in_group(TICKET);
        }
    }

    /// Polls without reading: everything is paused.
    fn keep_in_group(&mut self, patience: Duration) {
        if let Some(Ok(message)) = self.consumer.poll(patience) {
            debug!(offset = message.offset(), "a record of a paused partition is left for the next reader");
        }
        if let Err(error) = self.handle_events() {
            debug!(error = %Causes(&error), "left for the next reader to find");
        }
    }
}
