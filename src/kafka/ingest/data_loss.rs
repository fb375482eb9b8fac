//! Data loss: where reading of a partition starts, and what happens if records were deleted before they were read.
//!
//! The client reports a position that is not in the log and does not choose another one. So a loss is detected, logged
//! and counted before any later record is read.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, warn};

use super::consumer::Reader;
use super::positions::{LogRange, PositionState};
use super::{DataLoss, IngestError, Start, context, sent_offsets};
use crate::kafka::client::{TopicPartition, explain_error};
use crate::telemetry::Causes;

/// Timeout of requests for committed offsets and ends of logs. Nothing is read meanwhile. Brokers respond within
/// milliseconds, but offsets in an open transaction are reported only after it has ended.
const TIMEOUT: Duration = Duration::from_secs(2);

impl Reader {
    /// The start positions of assigned partitions. If the brokers do not respond, the position is left to the client,
    /// which reports one that is not in the log.
    pub(super) fn start_positions(
        &mut self,
        partitions: &[TopicPartition],
    ) -> Result<TopicPartitionList, IngestError> {
        let committed = match sent_offsets::committed(&self.consumer, partitions, TIMEOUT) {
            Ok(committed) => committed,
            Err(error) => {
                let partitions_listed = TopicPartition::listed(partitions);
                debug!(error = %Causes(&error), partitions = partitions_listed, "committed offsets are unknown");
                return Ok(TopicPartition::list(partitions));
            }
        };
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        let mut responds = true;
        for partition in partitions {
            // A broker that did not respond once would delay each further partition.
            let log = if responds { self.log(partition) } else { None };
            responds &= log.is_some();
            let position = match (committed.get(partition), log) {
                (Some(&committed), Some(log)) => Some(self.resume_at(partition, committed, log)?),
                (Some(&committed), None) => Some(committed),
                (None, Some(log)) => Some(match self.config.start {
                    Start::Earliest => log.start,
                    Start::Latest => log.end,
                }),
                (None, None) => None,
            };
            let offset = match position {
                Some(position) => {
                    self.positions.set(partition, position);
                    Offset::Offset(position)
                }
                None if self.config.start == Start::Latest => Offset::End,
                None => Offset::Beginning,
            };
            let TopicPartition { topic, partition: number } = partition;
            if let Err(error) = list.add_partition_offset(topic, *number, offset) {
                let offset = position;
                debug!(error = %Causes(&error), %partition, offset, "the client chooses where the partition starts");
                list.add_partition(topic, *number);
            }
        }
        Ok(list)
    }

    /// The client has lost a position and does not say in which partition. Checks all partitions, at most every half
    /// second, and restarts those whose position is not in the log.
    pub(super) fn recover_positions(&mut self, now: Instant) -> Result<(), IngestError> {
        if !self.position_lost || !self.recovery_pace.is_due(now) {
            return Ok(());
        }
        self.position_lost = false;
        let assigned = match self.consumer.assignment() {
            Ok(assigned) => TopicPartition::all_of(&assigned),
            Err(error) => {
                debug!(error = %Causes(&error), "the assignment is unknown");
                self.position_lost = true;
                Vec::new()
            }
        };
        let (known, unknown): (Vec<TopicPartition>, Vec<TopicPartition>) =
            assigned.into_iter().partition(|partition| self.positions.of(partition).is_some());
        let (mut lost, mut available) = (Vec::new(), Vec::new());
        for partition in known {
            let Some((position, log)) = self.positions.of(&partition).zip(self.log(&partition)) else {
                self.position_lost = true;
                continue;
            };
            match log.state_of(position) {
                PositionState::Available => available.push((partition, position)),
                // If answers to old and new records were under way together, old offsets could overwrite new ones.
                PositionState::BeyondEnd if !self.ledger.is_settled(std::slice::from_ref(&partition)) => {
                    self.position_lost = true;
                }
                PositionState::BeyondEnd | PositionState::Deleted { .. } => {
                    let resumed = self.resume_at(&partition, position, log)?;
                    lost.push((partition, resumed));
                }
            }
        }
        if !unknown.is_empty() {
            let list = self.start_positions(&unknown)?;
            self.restart(&list);
        } else if lost.is_empty() && !self.position_lost {
            // Some other reason, such as a log truncated by a new leader: each partition continues at its position.
            lost = available;
        }
        for (partition, position) in &lost {
            self.positions.set(partition, *position);
        }
        match TopicPartition::list_at(lost.iter().map(|(partition, position)| (partition, *position))) {
            Ok(list) if !lost.is_empty() => self.restart(&list),
            Ok(_) => {}
            Err(error) => {
                let partitions: Vec<TopicPartition> =
                    lost.into_iter().map(|(partition, _)| partition).collect();
                warn!(
                    error = explain_error(&error),
                    partitions = TopicPartition::listed(&partitions),
                    "partitions could not be restarted"
                );
            }
        }
        Ok(())
    }

    /// Where reading continues: at the position, or at the start of the log if the position was deleted, which is a
    /// loss.
    fn resume_at(
        &self,
        partition: &TopicPartition,
        position: i64,
        log: LogRange,
    ) -> Result<i64, IngestError> {
        let LogRange { start, end } = log;
        let deleted = match log.state_of(position) {
            PositionState::Available => return Ok(position),
            // At assignment the broker that responds may lag behind the one that was read from.
            PositionState::BeyondEnd if !self.reads(partition) => return Ok(position),
            PositionState::BeyondEnd => 0,
            PositionState::Deleted { records } => records,
        };
        let TopicPartition { topic, partition } = partition;
        let (topic, partition) = (&**topic, *partition);
        self.control.metrics.ingest().lost(topic, partition, deleted);
        if self.config.on_data_loss == DataLoss::Stop {
            return Err(IngestError::Lost { topic: topic.to_owned(), partition, position, start, end });
        }
        if deleted > 0 {
            warn!(
                topic,
                partition,
                position,
                log_start = start,
                deleted,
                "posts were deleted before they were read; reading continues at the start of the log"
            );
        } else {
            warn!(
                topic,
                partition,
                position,
                log_start = start,
                log_end = end,
                "the log ends before the next post: it was truncated or created again; reading continues at its start"
            );
        }
        Ok(start)
    }

    /// Whether the partition is already assigned, rather than being assigned now.
    fn reads(&self, partition: &TopicPartition) -> bool {
        self.positions.of(partition).is_some()
    }

    /// The offsets in the log of a partition, if its broker responds.
    fn log(&self, partition: &TopicPartition) -> Option<LogRange> {
        match self.consumer.fetch_watermarks(&partition.topic, partition.partition, TIMEOUT) {
            Ok((start, end)) => Some(LogRange { start, end }),
            Err(error) => {
                debug!(error = %Causes(&error), %partition, "the ends of the log are unknown");
                None
            }
        }
    }

    /// Assigns partitions again: the client fetches a partition with a lost position only after that.
    fn restart(&mut self, list: &TopicPartitionList) {
        // They belong to the old log.
        self.ends.clear();
        if let Err(error) = context::unassign(&self.consumer, list) {
            warn!(error = explain_error(&error), "partitions could not be unassigned for a restart");
        }
        self.start_at(list);
    }
}
