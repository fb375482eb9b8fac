//! Is what comes next still there? Where a partition begins, and what to do when its records were deleted unread.
//!
//! The client is told to report a position that the log does not hold, and to choose none itself: so a loss is found,
//! said and counted before anything after it is read.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, warn};

use super::assignment::listed;
use super::consumer::Reader;
use super::positions::{Log, Standing};
use super::{DataLoss, IngestError, Start, context, offsets};
use crate::kafka::client::explain_error;
use crate::telemetry::Causes;

/// How long to wait for answers about committed offsets and logs: nothing is read meanwhile. Brokers answer within
/// milliseconds, but offsets that a transaction is about to write are told only when it has ended.
const PATIENCE: Duration = Duration::from_secs(2);

impl Reader {
    /// Where partitions begin that were given to this engine. What nobody answers about is left to the client, who
    /// reports a position that does not hold.
    pub(super) fn beginnings(&mut self, partitions: &[i32]) -> Result<TopicPartitionList, IngestError> {
        let committed = match offsets::committed(&self.consumer, &self.topic, self.list(partitions), PATIENCE)
        {
            Ok(committed) => committed,
            Err(error) => {
                debug!(
                    error = %Causes(&error),
                    partitions = listed(partitions),
                    "committed offsets are not known yet"
                );
                return Ok(self.list(partitions));
            }
        };
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        let mut is_answered = true;
        for &partition in partitions {
            // Whoever does not answer once would keep us waiting for each partition.
            let log = if is_answered { self.log(partition) } else { None };
            is_answered &= log.is_some();
            let position = match (committed.get(&partition), log) {
                (Some(&committed), Some(log)) => Some(self.held(partition, committed, log)?),
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
            if let Err(error) = list.add_partition_offset(&self.topic, partition, offset) {
                let offset = position;
                debug!(error = %Causes(&error), partition, offset, "a partition begins where the client finds that it does");
                list.add_partition(&self.topic, partition);
            }
        }
        Ok(list)
    }

    /// The client has lost its position somewhere, and does not say where: looks at all partitions, at most every half
    /// second, and lets those go on whose position does not hold.
    pub(super) fn find_way_back(&mut self, now: Instant) -> Result<(), IngestError> {
        if !self.is_astray || !self.way_back.is_due(now) {
            return Ok(());
        }
        self.is_astray = false;
        let assigned = match self.consumer.assignment() {
            Ok(assigned) => assigned.elements().iter().map(|element| element.partition()).collect(),
            Err(error) => {
                debug!(error = %Causes(&error), "the client does not say what it reads");
                self.is_astray = true;
                Vec::new()
            }
        };
        let (known, unknown): (Vec<i32>, Vec<i32>) =
            assigned.into_iter().partition(|&partition| self.positions.of(partition).is_some());
        let (mut astray, mut held) = (Vec::new(), Vec::new());
        for partition in known {
            let Some((position, log)) = self.positions.of(partition).zip(self.log(partition)) else {
                self.is_astray = true;
                continue;
            };
            match log.standing(position) {
                Standing::Held => held.push((partition, position)),
                // Older offsets would take the place of newer ones if answers to both were under way at one time.
                Standing::Beyond if !self.ledger.is_settled(&[partition]) => self.is_astray = true,
                Standing::Beyond | Standing::Deleted { .. } => {
                    astray.push((partition, self.held(partition, position, log)?));
                }
            }
        }
        if !unknown.is_empty() {
            let list = self.beginnings(&unknown)?;
            self.restart(&list);
        } else if astray.is_empty() && !self.is_astray {
            // Some other reason, such as a log that a new leader has cut off: every partition goes on where it stands.
            astray = held;
        }
        for &(partition, position) in &astray {
            self.positions.set(partition, position);
        }
        match offsets::list(&self.topic, &astray) {
            Ok(list) if !astray.is_empty() => self.restart(&list),
            Ok(_) => {}
            Err(error) => {
                let partitions: Vec<i32> = astray.iter().map(|&(partition, _)| partition).collect();
                warn!(
                    error = explain_error(&error),
                    partitions = listed(&partitions),
                    "partitions do not go on"
                );
            }
        }
        Ok(())
    }

    /// Where reading goes on from a position: there, or where the log begins, which is a loss.
    fn held(&self, partition: i32, position: i64, log: Log) -> Result<i64, IngestError> {
        let Log { start, end } = log;
        let deleted = match log.standing(position) {
            Standing::Held => return Ok(position),
            // At assignment the broker that was asked may lag behind the one that was read from.
            Standing::Beyond if !self.reads(partition) => return Ok(position),
            Standing::Beyond => 0,
            Standing::Deleted { records } => records,
        };
        let topic = &*self.topic;
        self.watch.metrics.ingest().lost(topic, partition, deleted);
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
                "posts were deleted before they were read; going on where the log starts now"
            );
        } else {
            warn!(
                topic,
                partition,
                position,
                log_start = start,
                log_end = end,
                "the log ends before the next post: it was cut off or made anew; going on where it starts"
            );
        }
        Ok(start)
    }

    /// Whether the partition was taken already, rather than being about to be.
    fn reads(&self, partition: i32) -> bool {
        self.positions.of(partition).is_some()
    }

    /// What the log of a partition holds, if its broker says so.
    fn log(&self, partition: i32) -> Option<Log> {
        match self.consumer.fetch_watermarks(&self.topic, partition, PATIENCE) {
            Ok((start, end)) => Some(Log { start, end }),
            Err(error) => {
                debug!(error = %Causes(&error), partition, "the log's ends are not known");
                None
            }
        }
    }

    /// A partition whose position was lost is fetched again only when it is taken anew.
    fn restart(&mut self, list: &TopicPartitionList) {
        // Of the log as it was.
        self.ends.clear();
        if let Err(error) = context::let_go(&self.consumer, list) {
            warn!(error = explain_error(&error), "partitions that are to go on elsewhere were not let go");
        }
        self.take(list);
    }
}
