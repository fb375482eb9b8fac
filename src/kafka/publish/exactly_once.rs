//! Exactly-once delivery: every commit interval one transaction holds the records that may be published and the offsets
//! of the posts that they answer.
//!
//! Readers of committed records see all of a transaction or nothing, and the offsets move with it: a crash repeats work
//! and never output. No transaction is open while posts are worked on. An aborted transaction is made again with the
//! same records, without those of partitions that were revoked meanwhile.
//!
//! Two fences protect the output. The broker refuses offsets of a group member or generation that is out of date, and
//! with them the whole transaction; and a second engine with the same transactional id ends the first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::delivery_reports::{DeliveryReport, ProducerClient, enqueue};
use super::outgoing_record::OutgoingRecord;
use super::pending_records::PendingRecords;
use super::record_builder::Adjusted;
use super::transaction::{StepError, TransactionSteps};
use super::{Outcome, PublishError, Published};
use crate::kafka::client::{TopicPartition, explain_error, is_rebalance_error};
use crate::kafka::ingest::{Membership, Ticket};
use crate::telemetry::{Causes, CommitFailure, Transaction};

/// Pause after an aborted transaction. An unreachable broker needs longer than a partition that moves.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// How many transactions in a row may fail because of a rebalance before it is reported: ten seconds of them. Joining a
/// group takes three.
const MAX_REBALANCES: u32 = 20;

/// Writes outcomes to Kafka in transactions.
pub(super) struct ExactlyOnce {
    pub(super) client: Arc<ProducerClient>,
    pub(super) reports: Receiver<DeliveryReport>,
    pub(super) pending: PendingRecords,
    pub(super) membership: Membership,
    /// The transactional id.
    pub(super) id: String,
    pub(super) interval: Duration,
    /// Transactions in a row that were aborted because of a rebalance.
    pub(super) rebalances: u32,
}

/// The records of one transaction.
#[derive(Default)]
struct Batch {
    records: Vec<OutgoingRecord>,
    /// Records that were refused, adjusted for the next transaction.
    adjusted: Vec<OutgoingRecord>,
}

impl ExactlyOnce {
    /// Writes until the channel is closed and everything is delivered, or until `abort` is cancelled.
    pub(super) async fn run(
        mut self,
        mut outcomes: Receiver<Outcome>,
        abort: CancellationToken,
    ) -> Result<Published, PublishError> {
        let steps = TransactionSteps::new(Arc::clone(&self.client), &self.id, abort.clone());
        let ended = self.write_all(&mut outcomes, &steps, &abort).await;
        let (unwritten, waiting) = (self.pending.len(), self.pending.waiting());
        let published = self.pending.published();
        let Published { annotations, dead_letters } = published;
        info!(annotations, dead_letters, unwritten, waiting, "writing has ended");
        match ended {
            Ok(()) | Err(StepError::Interrupted) => Ok(published),
            Err(StepError::Fatal(error)) => {
                self.pending.report_lost(&error.to_string());
                Err(error)
            }
            Err(StepError::Abortable(error)) => {
                unreachable!("`write` aborts every failed transaction: {error}")
            }
        }
    }

    async fn write_all(
        &mut self,
        outcomes: &mut Receiver<Outcome>,
        steps: &TransactionSteps,
        abort: &CancellationToken,
    ) -> Result<(), StepError> {
        let Some(mut open) = self.init_transactions(outcomes, steps).await? else { return Ok(()) };
        let mut due = None;
        while open || !self.pending.is_empty() {
            if due.is_none() && !self.pending.is_empty() {
                due = Some(Instant::now() + if open { self.interval } else { Duration::ZERO });
            }
            tokio::select! {
                () = abort.cancelled() => return Err(StepError::Interrupted),
                outcome = outcomes.recv(), if open => match outcome {
                    Some(outcome) => self.pending.accept(outcome),
                    // No further outcome could share the last transaction.
                    None => (open, due) = (false, Some(Instant::now())),
                },
                () = until(due) => {
                    let again = if self.write(steps).await? { None } else { Some(Instant::now() + RETRY_PAUSE) };
                    due = again;
                }
            }
        }
        Ok(())
    }

    /// Registers the transactional id and accepts outcomes meanwhile. Whether more outcomes may come; none if there are
    /// no outcomes at all, so that an unreachable broker does not delay the end.
    async fn init_transactions(
        &mut self,
        outcomes: &mut Receiver<Outcome>,
        steps: &TransactionSteps,
    ) -> Result<Option<bool>, StepError> {
        // No more than the posts in flight.
        let mut accepted = Vec::new();
        let mut open = true;
        {
            let pending = &mut self.pending;
            let failed = |error: &KafkaError| {
                pending.report_blocked(format!("transactions cannot begin: {}", explain_error(error)))
            };
            let mut init = std::pin::pin!(steps.init(failed));
            loop {
                tokio::select! {
                    done = &mut init => break done?,
                    outcome = outcomes.recv(), if open => match outcome {
                        Some(outcome) => accepted.push(outcome),
                        None if accepted.is_empty() => return Ok(None),
                        None => open = false,
                    },
                }
            }
        }
        self.pending.report_working();
        accepted.into_iter().for_each(|outcome| self.pending.accept(outcome));
        Ok(Some(open))
    }

    /// Writes all available records in one transaction. Whether the next one may follow at once.
    async fn write(&mut self, steps: &TransactionSteps) -> Result<bool, StepError> {
        let begun = Instant::now();
        // Before records are taken: none of them is then older than this membership.
        let membership = self.membership.clone();
        let metadata = tokio::task::spawn_blocking(move || membership.metadata()).await;
        let Ok(Some(metadata)) = metadata else {
            self.pending
                .report_blocked("the consumer group has thrown this engine out; joining again".to_owned());
            return Ok(false);
        };
        let mut batch = Batch::default();
        let made = self.fill_and_commit(steps, metadata, &mut batch).await;
        let took = begun.elapsed();
        match made {
            Ok(()) => {
                if !batch.records.is_empty() {
                    self.pending.metrics().transaction(Transaction::Committed, took);
                }
                self.rebalances = 0;
                batch.records.into_iter().for_each(|record| self.pending.delivered(record));
                Ok(true)
            }
            Err(StepError::Abortable(error)) => {
                let (records, adjusted) = (batch.records.len(), batch.adjusted.len());
                steps.abort().await?;
                self.pending.metrics().transaction(Transaction::Aborted, took);
                if adjusted > 0 {
                    // A record was the cause. The transaction is repeated at once with the adjusted record.
                    info!(
                        error = %Causes(&error),
                        records,
                        adjusted,
                        "a transaction is repeated: records were refused and adjusted"
                    );
                } else if self.is_brief_rebalance(&error) {
                    self.pending.metrics().ingest().commit_failed(CommitFailure::Rebalance);
                    debug!(error = %Causes(&error), records, "a transaction is repeated after a rebalance");
                } else {
                    self.pending.metrics().ingest().commit_failed(CommitFailure::Refused);
                    warn!(
                        error = explain_error(&error),
                        records, "a transaction was aborted and is repeated"
                    );
                    self.pending
                        .report_blocked(format!("transactions are aborted: {}", explain_error(&error)));
                }
                let aborted = batch.records.into_iter().chain(batch.adjusted);
                aborted.for_each(|record| self.pending.put_back(record));
                Ok(adjusted > 0)
            }
            Err(other) => Err(other),
        }
    }

    /// Whether a transaction failed only because of a rebalance. If rebalances last too long, that is a failure too.
    fn is_brief_rebalance(&mut self, error: &KafkaError) -> bool {
        let is = error.rdkafka_error_code().is_some_and(is_rebalance_error);
        self.rebalances = if is { self.rebalances + 1 } else { 0 };
        is && self.rebalances <= MAX_REBALANCES
    }

    async fn fill_and_commit(
        &mut self,
        steps: &TransactionSteps,
        metadata: ConsumerGroupMetadata,
        batch: &mut Batch,
    ) -> Result<(), StepError> {
        let Some(first) = self.pending.take() else { return Ok(()) };
        if let Err(failure) = steps.begin().await {
            batch.records.push(first);
            return Err(failure);
        }
        self.fill(first, steps, batch).await?;
        let offsets = offsets(batch.records.iter().map(|record| &*record.origin.ticket));
        let offsets = TopicPartition::list_at(offsets).map_err(StepError::Abortable)?;
        // The topic of a partition may be deleted: its offsets are refused until the partition is revoked.
        let fence = self.membership.fence();
        let is_vain = || batch.records.iter().any(|record| fence.is_fenced(&record.origin.ticket));
        let send = move |client: &ProducerClient, timeout| {
            client.send_offsets_to_transaction(&offsets, &metadata, timeout)
        };
        steps.run(send, is_vain).await?;
        steps.commit().await
    }

    /// Writes all available records and waits until the broker has them.
    async fn fill(
        &mut self,
        first: OutgoingRecord,
        steps: &TransactionSteps,
        batch: &mut Batch,
    ) -> Result<(), StepError> {
        let mut next = Some(first);
        let mut under_way = 0;
        let mut failure = None;
        let mut is_alone = false;
        let capacity = self.reports.max_capacity();
        while let Some(record) = next.take() {
            if !record.is_written() {
                // Only its offset is sent.
                batch.records.push(record);
                next = self.pending.take();
                continue;
            }
            // A record that must be sent alone waits for the others, and the others wait for it. Every record under way
            // needs a place in the channel of reports.
            while under_way > 0 && (is_alone || record.send_alone || under_way >= capacity) {
                under_way -= 1;
                self.reported(steps, batch, &mut failure).await?;
            }
            is_alone = record.send_alone;
            match enqueue(&self.client, record) {
                Ok(()) => {
                    under_way += 1;
                    next = self.pending.take();
                }
                Err((record, error)) => match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::QueueFull) if under_way > 0 => {
                        under_way -= 1;
                        self.reported(steps, batch, &mut failure).await?;
                        next = Some(*record);
                    }
                    code => match self.pending.adjust(*record, code, false) {
                        Adjusted::Changed(adjusted) => next = Some(adjusted),
                        Adjusted::Unchanged(record) => {
                            batch.records.push(record);
                            failure.get_or_insert(error);
                        }
                    },
                },
            }
        }
        // Even a failed transaction is aborted only when none of its records is under way.
        for _ in 0..under_way {
            self.reported(steps, batch, &mut failure).await?;
        }
        match failure {
            None => Ok(()),
            Some(error) if self.client.client().fatal_error().is_some() => {
                Err(StepError::Fatal(steps.fatal(error)))
            }
            Some(error) => Err(StepError::Abortable(error)),
        }
    }

    /// Waits for one report.
    async fn reported(
        &mut self,
        steps: &TransactionSteps,
        batch: &mut Batch,
        failure: &mut Option<KafkaError>,
    ) -> Result<(), StepError> {
        // Every enqueued record is reported, after `message.timeout.ms` at the latest.
        let Some(DeliveryReport { record, error }) = steps.unless_aborted(self.reports.recv()).await? else {
            unreachable!("the client lives as long as this and holds the sender")
        };
        match error {
            None => batch.records.push(*record),
            Some(error) => {
                match self.pending.adjust(*record, error.rdkafka_error_code(), true) {
                    Adjusted::Changed(adjusted) => batch.adjusted.push(adjusted),
                    Adjusted::Unchanged(record) => batch.records.push(record),
                }
                failure.get_or_insert(error);
            }
        }
        Ok(())
    }
}

/// For each partition the offset after the last of these posts. They come in the order of their partition without gaps,
/// so all earlier posts are answered too.
fn offsets<'a>(answered: impl Iterator<Item = &'a Ticket>) -> BTreeMap<&'a TopicPartition, i64> {
    let mut offsets = BTreeMap::new();
    for ticket in answered {
        let after = ticket.offset() + 1;
        let offset = offsets.entry(ticket.partition()).or_insert(after);
        *offset = after.max(*offset);
    }
    offsets
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ingest::Ledger;

    #[test]
    fn offsets_of_partitions_with_one_number_are_those_of_their_topics() {
        let mut ledger = Ledger::default();
        let [left, right] = ["left", "right"].map(|topic| TopicPartition::new(topic, 0));
        let tickets =
            [(&left, 3), (&right, 90), (&left, 4)].map(|(partition, offset)| ledger.issue(partition, offset));
        assert_eq!(offsets(tickets.iter()), BTreeMap::from([(&left, 5), (&right, 91)]));
    }
}
