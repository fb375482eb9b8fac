//! Consumer context: the client's callbacks only queue events; the reading thread handles them after the poll.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::Statistics;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::kafka::client::{ConnectionFault, Secrets, TopicPartition, figures, level_name};
use crate::telemetry::{Causes, KafkaClient, KafkaMetrics};

/// An event during a poll.
#[derive(Debug)]
pub(super) enum Event {
    /// The group assigns these partitions. It waits until they are accepted.
    Assign(Vec<TopicPartition>),
    /// The group revokes these partitions. It waits until they are unassigned.
    Revoke(Vec<TopicPartition>),
    /// The broker refused a commit, with the client's message.
    CommitFailed(String),
    /// A connection was closed.
    ConnectionClosed(ConnectionFault),
    /// An error of the client, with its message.
    Fault(KafkaError, String),
}

/// Queues events in order, without secrets.
pub(super) struct Context {
    secrets: Secrets,
    metrics: KafkaMetrics,
    events: Mutex<VecDeque<Event>>,
    closing: AtomicBool,
    /// The offset of the partition end that the client has reached last.
    end: Mutex<Option<i64>>,
}

impl Context {
    pub(super) fn new(secrets: Secrets, metrics: KafkaMetrics) -> Self {
        let (events, closing, end) = (Mutex::default(), AtomicBool::new(false), Mutex::default());
        Self { secrets, metrics, events, closing, end }
    }

    /// The next event.
    pub(super) fn next_event(&self) -> Option<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The offset of the partition end that the last poll returned. It can be taken once.
    pub(super) fn end(&self) -> Option<i64> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Events are not handled any more: from now on the callback itself unassigns partitions.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn happened(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let message = self.secrets.redact(message);
        // The result of an asynchronous commit is only logged.
        if facility == "COMMITFAIL" {
            self.happened(Event::CommitFailed(message.clone()));
        }
        if let Some(fault) = ConnectionFault::of_log(level, facility, &message) {
            self.happened(Event::ConnectionClosed(fault));
        }
        // Other important faults come as events. These lines repeat them every second.
        tracing::debug!(level = level_name(level), facility, message, "librdkafka");
    }

    fn stats(&self, statistics: Statistics) {
        self.metrics.reported(KafkaClient::Consumer, &figures(&statistics));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Not a fault. The poll returns it too, with the partition and without the offset.
            Some(RDKafkaErrorCode::PartitionEOF) => {
                *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end_in(reason);
            }
            // The poll returns it too, and the data loss is reported with both offsets.
            Some(RDKafkaErrorCode::AutoOffsetReset) => {
                tracing::debug!(reason, "a position is not in the log")
            }
            _ => self.happened(Event::Fault(error, self.secrets.redact(reason))),
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assigns = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            if !assigns && let Err(error) = unassign(consumer, partitions) {
                tracing::debug!(error = %Causes(&error), "partitions could not be unassigned");
            }
        } else if assigns {
            self.happened(Event::Assign(TopicPartition::all_of(partitions)));
        } else {
            self.happened(Event::Revoke(TopicPartition::all_of(partitions)));
        }
    }
}

/// Accepts assigned partitions.
pub(super) fn assign(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(partitions),
    }
}

/// Releases revoked partitions.
pub(super) fn unassign(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}

/// The offset in the client's message for a partition end, such as "reached end of partition at offset 8 (...)".
fn end_in(message: &str) -> Option<i64> {
    let (_, rest) = message.split_once("end of partition at offset ")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_of_a_partition_end_is_parsed_from_the_message() {
        let message = "Fetch from broker 1 reached end of partition at offset 1742 (HighwaterMark 1800)";
        assert_eq!(end_in(message), Some(1742));
        for other in
            ["", "reached end of partition at offset ", "at offset 5", "end of partition at offset -1"]
        {
            assert_eq!(end_in(other), None, "{other}");
        }
    }
}
