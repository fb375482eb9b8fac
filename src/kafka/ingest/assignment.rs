//! Assignment: handles events of the consumer: partitions that are assigned and revoked, failed commits, faults.

use std::time::Instant;

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::TopicPartitionList;
use tracing::{debug, info, warn};

use super::IngestError;
use super::consumer::{Reader, TICKET_WAIT};
use super::context::{self, Event};
use crate::kafka::client::{TopicPartition, explain, explain_error, mentions_rebalance};
use crate::telemetry::{CommitFailure, Rebalance};

impl Reader {
    pub(super) fn handle_events(&mut self) -> Result<(), IngestError> {
        while let Some(event) = self.consumer.context().next_event() {
            match event {
                Event::Assign(partitions) => self.assigned(&partitions)?,
                Event::Revoke(partitions) => self.revoked(&partitions),
                Event::CommitFailed(reason) => {
                    if mentions_rebalance(&reason) {
                        self.control.metrics.ingest().commit_failed(CommitFailure::Rebalance);
                        debug!(reason, "a commit was refused during a rebalance; offsets are sent again");
                    } else {
                        self.control.metrics.ingest().commit_failed(CommitFailure::Refused);
                        warn!(reason = explain(&reason), "offsets were not committed; they are sent again");
                    }
                    self.offsets.refused();
                }
                Event::ConnectionClosed(fault) => self.availability.connection_closed(fault),
                Event::Fault(error, reason) => {
                    self.availability.client_error(&error, &reason, &self.control.health, Instant::now());
                }
            }
        }
        Ok(())
    }

    fn assigned(&mut self, partitions: &[TopicPartition]) -> Result<(), IngestError> {
        let list = self.start_positions(partitions)?;
        if !self.start_at(&list) {
            return Ok(());
        }
        for TopicPartition { topic, partition } in partitions {
            self.control.metrics.partition_assigned(topic, *partition);
        }
        self.availability.assigned(partitions);
        self.control.metrics.rebalanced(Rebalance::Assigned);
        self.control.health.partitions_are_assigned();
        info!(partitions = TopicPartition::listed(partitions), "partitions assigned");
        Ok(())
    }

    /// Starts to read partitions at the positions in the list. Whether the client accepted them.
    pub(super) fn start_at(&mut self, list: &TopicPartitionList) -> bool {
        if let Err(error) = context::assign(&self.consumer, list) {
            warn!(
                error = explain_error(&error),
                partitions = list.count(),
                "partitions could not be assigned"
            );
            return false;
        }
        self.note_former_positions(list);
        // No record can be polled between assigning and pausing. A partition that was paused when it was revoked is
        // still paused when it is assigned again, and the client fetches nothing until it is resumed.
        let reads = !self.paused && self.records.is_some();
        let changed = if reads { self.consumer.resume(list) } else { self.consumer.pause(list) };
        if let Err(error) = changed {
            warn!(error = explain_error(&error), reads, "new partitions could not be paused or resumed");
        }
        true
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) {
        let lost = self.consumer.assignment_lost();
        if !lost {
            // Drain first, then fence, so that finished work is committed.
            let deadline = Instant::now() + self.config.revoke_deadline;
            while !self.ledger.is_settled(partitions)
                && Instant::now() < deadline
                && !self.control.abort.is_cancelled()
                && self.settle_returned(TICKET_WAIT).is_ok()
            {}
            self.commit();
        }
        // Before the partitions are unassigned: nothing of them is published from now on.
        self.fence.raise(partitions, self.ledger.generation());
        self.ledger.revoke(partitions);
        self.offsets.forget(partitions);
        self.positions.forget(partitions);
        self.lag.forget(partitions);
        self.ends.retain(|partition, _| !partitions.contains(partition));
        self.assigned.retain(|partition, _| !partitions.contains(partition));
        if let Err(error) = context::unassign(&self.consumer, &TopicPartition::list(partitions)) {
            warn!(
                error = explain_error(&error),
                partitions = TopicPartition::listed(partitions),
                "partitions could not be unassigned"
            );
        }
        for TopicPartition { topic, partition } in partitions {
            self.control.metrics.partition_revoked(topic, *partition);
        }
        self.control.metrics.rebalanced(Rebalance::Revoked);
        info!(partitions = TopicPartition::listed(partitions), lost, "partitions revoked");
    }
}
