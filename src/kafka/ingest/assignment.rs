//! What does the group do to this engine? Partitions that come and go, and what else happens while polling.

use std::time::Instant;

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::TopicPartitionList;
use tracing::{debug, info, warn};

use super::IngestError;
use super::consumer::{Reader, TICKET};
use super::context::{self, Event};
use crate::kafka::client::{explain, explain_error, mentions_rebalance};
use crate::telemetry::{CommitFailure, Rebalance};

/// Partitions as a log line names them.
pub(super) fn listed(partitions: &[i32]) -> String {
    let numbers: Vec<String> = partitions.iter().map(i32::to_string).collect();
    numbers.join(", ")
}

impl Reader {
    pub(super) fn handle_events(&mut self) -> Result<(), IngestError> {
        while let Some(event) = self.consumer.context().next_event() {
            match event {
                Event::Assign(partitions) => self.assigned(&partitions)?,
                Event::Revoke(partitions) => self.revoked(&partitions),
                Event::CommitFailed(reason) => {
                    if mentions_rebalance(&reason) {
                        self.watch.metrics.ingest().commit_failed(CommitFailure::Rebalance);
                        debug!(reason, "the group has moved on; offsets are sent again");
                    } else {
                        self.watch.metrics.ingest().commit_failed(CommitFailure::Refused);
                        warn!(reason = explain(&reason), "offsets were not committed; they are sent again");
                    }
                    self.offsets.refused();
                }
                Event::Closed(complaint) => self.trouble.closed(complaint),
                Event::Fault(error, reason) => {
                    self.trouble.complaint(&error, &reason, &self.watch.health, Instant::now());
                }
            }
        }
        Ok(())
    }

    fn assigned(&mut self, partitions: &[i32]) -> Result<(), IngestError> {
        let list = self.beginnings(partitions)?;
        if !self.take(&list) {
            return Ok(());
        }
        for &partition in partitions {
            self.watch.metrics.partition_assigned(&self.topic, partition);
        }
        self.watch.metrics.rebalanced(Rebalance::Assigned);
        self.watch.health.partitions_are_assigned();
        info!(topic = &*self.topic, partitions = listed(partitions), "partitions assigned");
        Ok(())
    }

    /// Begins to read partitions where the list says. Whether the client took them.
    pub(super) fn take(&self, list: &TopicPartitionList) -> bool {
        if let Err(error) = context::take(&self.consumer, list) {
            warn!(error = explain_error(&error), partitions = list.count(), "partitions were not taken");
            return false;
        }
        // Nothing is fetched between taking and pausing that a poll could return. One that was paused when it was taken
        // away is paused still when it comes back, and the client fetches nothing of it until it is resumed.
        let reads = !self.paused && self.deliveries.is_some();
        let changed = if reads { self.consumer.resume(list) } else { self.consumer.pause(list) };
        if let Err(error) = changed {
            warn!(error = explain_error(&error), reads, "new partitions could not be paused or resumed");
        }
        true
    }

    fn revoked(&mut self, partitions: &[i32]) {
        let lost = self.consumer.assignment_lost();
        if !lost {
            // Finished work counts: drain first, then fence.
            let deadline = Instant::now() + self.config.revoke_deadline;
            while !self.ledger.is_settled(partitions)
                && Instant::now() < deadline
                && !self.watch.abort.is_cancelled()
                && self.settle_returned(TICKET).is_ok()
            {}
            self.commit();
        }
        // Before the group hears that they are let go: nothing of them is published from here on.
        self.fence.raise(partitions, self.ledger.generation());
        self.ledger.revoke(partitions.iter().copied());
        self.offsets.forget(partitions);
        self.positions.forget(partitions);
        self.lag.forget(partitions);
        self.ends.retain(|partition, _| !partitions.contains(partition));
        if let Err(error) = context::let_go(&self.consumer, &self.list(partitions)) {
            warn!(
                error = explain_error(&error),
                partitions = listed(partitions),
                "partitions were not let go"
            );
        }
        for &partition in partitions {
            self.watch.metrics.partition_revoked(&self.topic, partition);
        }
        self.watch.metrics.rebalanced(Rebalance::Revoked);
        info!(topic = &*self.topic, partitions = listed(partitions), lost, "partitions revoked");
    }

    pub(super) fn list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            list.add_partition(&self.topic, partition);
        }
        list
    }
}
