//! How do results get into Kafka exactly once? A transaction every commit interval holds what may be published by then,
//! and the offsets of the posts that it answers.
//!
//! Readers that read what is committed see all of a transaction or nothing, and the offsets move with it: a crash
//! repeats work, never output. No transaction is open while posts are worked on. One that is given up is made again with
//! the same parcels, without those of partitions that were taken away meanwhile.
//!
//! Two fences keep others' posts out. The broker refuses offsets of a member or generation that the group has left
//! behind, and with them the whole transaction; and a second engine under the same transactional id ends the first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::outbox::Outbox;
use super::parcel::{Amended, Parcel};
use super::reports::{Client, Report, hand_over};
use super::transaction::{Failure, Steps};
use super::{Outcome, PublishError, Published};
use crate::kafka::client::{in_words, is_of_a_rebalance};
use crate::kafka::ingest::Membership;
use crate::telemetry::{Causes, CommitFailure, Transaction};

/// Between a transaction that was given up and the next: a broker that is away needs longer than a partition that moves.
const GIVEN_UP: Duration = Duration::from_millis(500);

/// So many transactions in a row may fail because of a rebalance: ten seconds of them, and joining a group takes three.
const REBALANCES: u32 = 20;

/// Writes outcomes to Kafka in transactions.
pub(super) struct ExactlyOnce {
    pub(super) client: Arc<Client>,
    pub(super) reports: Receiver<Report>,
    pub(super) outbox: Outbox,
    pub(super) membership: Membership,
    /// The transactional id.
    pub(super) id: String,
    /// The topic that is read.
    pub(super) input: String,
    pub(super) interval: Duration,
    /// Transactions in a row that were given up because the group had moved on.
    pub(super) rebalances: u32,
}

/// The parcels of one transaction.
#[derive(Default)]
struct Batch {
    parcels: Vec<Parcel>,
    /// Those that were refused for what they are, and would be again: as they may be taken.
    amended: Vec<Parcel>,
}

impl ExactlyOnce {
    /// Writes until the channel is closed and all is delivered, or until `abort` is cancelled.
    pub(super) async fn run(
        mut self,
        mut outcomes: Receiver<Outcome>,
        abort: CancellationToken,
    ) -> Result<Published, PublishError> {
        let steps = Steps::new(Arc::clone(&self.client), &self.id, abort.clone());
        let ended = self.write_all(&mut outcomes, &steps, &abort).await;
        let (unwritten, waiting) = (self.outbox.len(), self.outbox.waiting());
        let published = self.outbox.published();
        let Published { annotations, dead_letters } = published;
        info!(annotations, dead_letters, unwritten, waiting, "writing has ended");
        match ended {
            Ok(()) | Err(Failure::Cut) => Ok(published),
            Err(Failure::Fatal(error)) => {
                self.outbox.is_lost(&error.to_string());
                Err(error)
            }
            Err(Failure::Abortable(error)) => {
                unreachable!("every transaction is given up where it failed: {error}")
            }
        }
    }

    async fn write_all(
        &mut self,
        outcomes: &mut Receiver<Outcome>,
        steps: &Steps,
        abort: &CancellationToken,
    ) -> Result<(), Failure> {
        let Some(mut open) = self.take_name(outcomes, steps).await? else { return Ok(()) };
        let mut due = None;
        while open || !self.outbox.is_empty() {
            if due.is_none() && !self.outbox.is_empty() {
                due = Some(Instant::now() + if open { self.interval } else { Duration::ZERO });
            }
            tokio::select! {
                () = abort.cancelled() => return Err(Failure::Cut),
                outcome = outcomes.recv(), if open => match outcome {
                    Some(outcome) => self.outbox.accept(outcome),
                    // Nothing more comes that could share the last transaction.
                    None => (open, due) = (false, Some(Instant::now())),
                },
                () = until(due) => {
                    let again = if self.write(steps).await? { None } else { Some(Instant::now() + GIVEN_UP) };
                    due = again;
                }
            }
        }
        Ok(())
    }

    /// Takes the name that transactions are made under, and meanwhile the outcomes that come. Whether more may come; none
    /// where all has ended and there was nothing to write, so that a broker that is away holds nobody up.
    async fn take_name(
        &mut self,
        outcomes: &mut Receiver<Outcome>,
        steps: &Steps,
    ) -> Result<Option<bool>, Failure> {
        // No more than posts in flight.
        let mut come = Vec::new();
        let mut open = true;
        {
            let outbox = &mut self.outbox;
            let hindered = |error: &KafkaError| {
                outbox.is_hindered(format!("transactions cannot begin: {}", in_words(error)))
            };
            let mut naming = std::pin::pin!(steps.take_name(hindered));
            loop {
                tokio::select! {
                    named = &mut naming => break named?,
                    outcome = outcomes.recv(), if open => match outcome {
                        Some(outcome) => come.push(outcome),
                        None if come.is_empty() => return Ok(None),
                        None => open = false,
                    },
                }
            }
        }
        self.outbox.goes_well();
        come.into_iter().for_each(|outcome| self.outbox.accept(outcome));
        Ok(Some(open))
    }

    /// Makes one transaction of all that may be written. Whether the next may be made at once.
    async fn write(&mut self, steps: &Steps) -> Result<bool, Failure> {
        let begun = Instant::now();
        // Asked before parcels are taken: of what is taken then, nothing was read under an older name.
        let membership = self.membership.clone();
        let asked = tokio::task::spawn_blocking(move || membership.metadata()).await;
        let Ok(Some(metadata)) = asked else {
            self.outbox
                .is_hindered("the consumer group has thrown this engine out; joining again".to_owned());
            return Ok(false);
        };
        let mut batch = Batch::default();
        let made = self.fill_and_commit(steps, metadata, &mut batch).await;
        let took = begun.elapsed();
        match made {
            Ok(()) => {
                if !batch.parcels.is_empty() {
                    self.outbox.metrics().transaction(Transaction::Committed, took);
                }
                self.rebalances = 0;
                batch.parcels.into_iter().for_each(|parcel| self.outbox.delivered(parcel));
                Ok(true)
            }
            Err(Failure::Abortable(error)) => {
                let (parcels, amended) = (batch.parcels.len(), batch.amended.len());
                steps.give_up().await?;
                self.outbox.metrics().transaction(Transaction::Aborted, took);
                if amended > 0 {
                    // It failed for a record's own fault, and is made again at once without it.
                    info!(error = %Causes(&error), parcels, amended, "a transaction is made again without what was refused");
                } else if self.is_of_a_rebalance(&error) {
                    self.outbox.metrics().ingest().commit_failed(CommitFailure::Rebalance);
                    debug!(error = %Causes(&error), parcels, "the group has moved on; a transaction is made again");
                } else {
                    self.outbox.metrics().ingest().commit_failed(CommitFailure::Refused);
                    warn!(error = in_words(&error), parcels, "a transaction is given up and made again");
                    self.outbox.is_hindered(format!("transactions are given up: {}", in_words(&error)));
                }
                let given_up = batch.parcels.into_iter().chain(batch.amended);
                given_up.for_each(|parcel| self.outbox.put_back(parcel));
                Ok(amended > 0)
            }
            Err(other) => Err(other),
        }
    }

    /// Whether a transaction failed only because the group is handing out partitions anew. Where that lasts, it is a
    /// hindrance all the same.
    fn is_of_a_rebalance(&mut self, error: &KafkaError) -> bool {
        let is = error.rdkafka_error_code().is_some_and(is_of_a_rebalance);
        self.rebalances = if is { self.rebalances + 1 } else { 0 };
        is && self.rebalances <= REBALANCES
    }

    async fn fill_and_commit(
        &mut self,
        steps: &Steps,
        metadata: ConsumerGroupMetadata,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let Some(first) = self.outbox.take() else { return Ok(()) };
        if let Err(failure) = steps.begin().await {
            batch.parcels.push(first);
            return Err(failure);
        }
        self.fill(first, steps, batch).await?;
        let offsets = list(&self.input, &batch.parcels).map_err(Failure::Abortable)?;
        steps
            .with(move |client, patience| client.send_offsets_to_transaction(&offsets, &metadata, patience))
            .await?;
        steps.commit().await
    }

    /// Writes what there is, and waits until the broker has all of it.
    async fn fill(&mut self, first: Parcel, steps: &Steps, batch: &mut Batch) -> Result<(), Failure> {
        let mut next = Some(first);
        let mut under_way = 0;
        let mut failure = None;
        let mut is_alone = false;
        while let Some(parcel) = next.take() {
            if !parcel.is_written() {
                // Its offset goes out with those of the others.
                batch.parcels.push(parcel);
                next = self.outbox.take();
                continue;
            }
            // One that must not share a batch with others neither joins them nor is joined.
            while under_way > 0 && (is_alone || parcel.alone) {
                under_way -= 1;
                self.reported(steps, batch, &mut failure).await?;
            }
            is_alone = parcel.alone;
            match hand_over(&self.client, parcel) {
                Ok(()) => {
                    under_way += 1;
                    next = self.outbox.take();
                }
                Err((parcel, error)) => match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::QueueFull) if under_way > 0 => {
                        under_way -= 1;
                        self.reported(steps, batch, &mut failure).await?;
                        next = Some(*parcel);
                    }
                    code => match self.outbox.amended(*parcel, code, false) {
                        Amended::Changed(amended) => next = Some(amended),
                        Amended::Same(parcel) => {
                            batch.parcels.push(parcel);
                            failure.get_or_insert(error);
                        }
                    },
                },
            }
        }
        // Even a transaction that has failed is given up only when nothing of it is on its way any more.
        for _ in 0..under_way {
            self.reported(steps, batch, &mut failure).await?;
        }
        match failure {
            None => Ok(()),
            Some(error) if self.client.client().fatal_error().is_some() => {
                Err(Failure::Fatal(steps.fatal(error)))
            }
            Some(error) => Err(Failure::Abortable(error)),
        }
    }

    /// Waits for one report.
    async fn reported(
        &mut self,
        steps: &Steps,
        batch: &mut Batch,
        failure: &mut Option<KafkaError>,
    ) -> Result<(), Failure> {
        // Reports come for everything that was handed over, in the client's time at the latest.
        let Some(Report { parcel, error }) = steps.unless_cut(self.reports.recv()).await? else {
            unreachable!("the client lives as long as this, and holds the other end")
        };
        match error {
            None => batch.parcels.push(*parcel),
            Some(error) => {
                match self.outbox.amended(*parcel, error.rdkafka_error_code(), true) {
                    Amended::Changed(amended) => batch.amended.push(amended),
                    Amended::Same(parcel) => batch.parcels.push(parcel),
                }
                failure.get_or_insert(error);
            }
        }
        Ok(())
    }
}

/// For each partition the offset after the last post that these parcels answer. Parcels of a partition come in its
/// order and without gaps, so that all before is answered too.
fn offsets(parcels: &[Parcel]) -> BTreeMap<i32, i64> {
    let mut offsets = BTreeMap::new();
    for parcel in parcels {
        let after = parcel.ticket.offset() + 1;
        let offset = offsets.entry(parcel.ticket.partition()).or_insert(after);
        *offset = after.max(*offset);
    }
    offsets
}

fn list(topic: &str, parcels: &[Parcel]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets(parcels) {
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    Ok(list)
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
