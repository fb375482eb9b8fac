//! At-least-once delivery: records are written in order by an idempotent producer, and a ticket is returned when the
//! broker has its records.
//!
//! If the broker refuses a record for a passing reason (a missing topic, an unreachable broker), it is sent again until
//! it is accepted. No record is skipped: back-pressure stops the reading. An answer that is too large becomes a dead
//! letter, which is truncated as far as necessary. A broker refuses whole batches, so a refused record is sent alone
//! once more before it is considered too large.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::delivery_reports::{DeliveryReport, ProducerClient, enqueue};
use super::outgoing_record::OutgoingRecord;
use super::pending_records::PendingRecords;
use super::record_builder::Adjusted;
use super::{Outcome, PublishError, Published};
use crate::kafka::client::explain_error;

/// Pause after the client's queue was full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(20);
/// Pause after the broker refused a record.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

/// Writes outcomes to Kafka one by one.
pub(super) struct AtLeastOnce {
    client: Arc<ProducerClient>,
    reports: Receiver<DeliveryReport>,
    pending: PendingRecords,
    /// No record is sent before that time, since the broker has just refused one.
    not_before: Option<Instant>,
    /// Records that were handed to the client and not reported yet.
    under_way: usize,
    /// The next record cannot be sent before a report comes.
    waits_for_reports: bool,
    /// A record that must not share its batch is under way.
    is_alone: bool,
}

impl AtLeastOnce {
    pub(super) fn new(
        client: Arc<ProducerClient>,
        reports: Receiver<DeliveryReport>,
        pending: PendingRecords,
    ) -> Self {
        Self {
            client,
            reports,
            pending,
            not_before: None,
            under_way: 0,
            waits_for_reports: false,
            is_alone: false,
        }
    }

    /// Writes until the channel is closed and everything is delivered, or until `abort` is cancelled.
    pub(super) async fn run(
        mut self,
        mut outcomes: Receiver<Outcome>,
        abort: CancellationToken,
    ) -> Result<Published, PublishError> {
        let mut open = true;
        while open || self.under_way > 0 || !self.pending.is_empty() {
            let next_attempt = tokio::time::sleep(self.until_next_attempt());
            tokio::select! {
                () = abort.cancelled() => break,
                Some(report) = self.reports.recv() => self.reported(report)?,
                () = next_attempt, if !self.pending.is_empty() && !self.must_wait() => {}
                outcome = outcomes.recv(), if open && self.pending.is_empty() => match outcome {
                    Some(outcome) => self.pending.accept(outcome),
                    None => open = false,
                },
            }
            self.send()?;
        }
        let (undelivered, waiting) = (self.under_way + self.pending.len(), self.pending.waiting());
        let published = self.pending.published();
        let Published { annotations, dead_letters } = published;
        info!(annotations, dead_letters, undelivered, waiting, "writing has ended");
        Ok(published)
    }

    /// Hands records to the client until it is full.
    fn send(&mut self) -> Result<(), PublishError> {
        if self.not_before.is_some_and(|moment| Instant::now() < moment) {
            return Ok(());
        }
        self.not_before = None;
        self.waits_for_reports = false;
        while self.not_before.is_none()
            && let Some(record) = self.pending.take()
        {
            if !record.is_written() {
                self.pending.delivered(record);
                continue;
            }
            // Every record that is under way needs a place in the channel of reports.
            let is_full = self.under_way >= self.reports.max_capacity();
            if is_full || self.under_way > 0 && (self.is_alone || record.send_alone) {
                self.pending.put_back(record);
                self.waits_for_reports = true;
                break;
            }
            self.is_alone = record.send_alone;
            match enqueue(&self.client, record) {
                Ok(()) => self.under_way += 1,
                Err((record, error)) => self.refused(*record, &error, false)?,
            }
        }
        Ok(())
    }

    fn reported(&mut self, DeliveryReport { record, error }: DeliveryReport) -> Result<(), PublishError> {
        self.under_way -= 1;
        match error {
            None => {
                self.pending.delivered(*record);
                Ok(())
            }
            Some(error) => self.refused(*record, &error, true),
        }
    }

    /// The client or the broker refused the record: it returns to its place, adjusted if that helps.
    fn refused(
        &mut self,
        record: OutgoingRecord,
        error: &KafkaError,
        by_broker: bool,
    ) -> Result<(), PublishError> {
        if let Some((code, reason)) = self.client.client().fatal_error() {
            self.pending.report_lost(&format!("the producer is broken for good: {reason}"));
            return Err(PublishError::Fatal {
                reason,
                source: Box::new(KafkaError::MessageProduction(code)),
            });
        }
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::QueueFull) {
            self.not_before = Some(Instant::now() + QUEUE_FULL_PAUSE);
            self.pending.put_back(record);
            return Ok(());
        }
        let record = match self.pending.adjust(record, code, by_broker) {
            Adjusted::Changed(record) => record,
            Adjusted::Unchanged(record) => {
                self.pending.report_blocked(format!(
                    "topic `{}` takes no records: {}",
                    record.topic,
                    explain_error(error)
                ));
                self.not_before = Some(Instant::now() + REFUSED_PAUSE);
                record
            }
        };
        self.pending.put_back(record);
        Ok(())
    }

    /// Whether no record can be sent before a report comes.
    fn must_wait(&self) -> bool {
        self.waits_for_reports && self.under_way > 0
    }

    fn until_next_attempt(&self) -> Duration {
        self.not_before.map_or(Duration::ZERO, |moment| moment.saturating_duration_since(Instant::now()))
    }
}
