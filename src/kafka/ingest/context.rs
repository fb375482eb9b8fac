//! What does the client tell us? Its callbacks only write down; the poll thread acts when the poll has returned.

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

use super::ends::end_in;
use crate::kafka::client::{ConnectionFault, Secrets, figures, level_name};
use crate::telemetry::{Causes, KafkaClient, KafkaMetrics};

/// What happened while polling.
#[derive(Debug)]
pub(super) enum Event {
    /// The group gives these partitions to this consumer; it waits until they are taken.
    Assign(Vec<i32>),
    /// The group takes these partitions away; it waits until they are let go.
    Revoke(Vec<i32>),
    /// The broker refused offsets, in the client's words.
    CommitFailed(String),
    /// A connection was closed.
    Closed(ConnectionFault),
    /// A fault of the client, with its own words for it.
    Fault(KafkaError, String),
}

/// Collects events in the order in which they happen, without secrets.
pub(super) struct Context {
    secrets: Secrets,
    metrics: KafkaMetrics,
    events: Mutex<VecDeque<Event>>,
    closing: AtomicBool,
    /// Where the client was at the end of a partition last.
    end: Mutex<Option<i64>>,
}

impl Context {
    pub(super) fn new(secrets: Secrets, metrics: KafkaMetrics) -> Self {
        let (events, closing, end) = (Mutex::default(), AtomicBool::new(false), Mutex::default());
        Self { secrets, metrics, events, closing, end }
    }

    /// The oldest event that was not taken yet.
    pub(super) fn next_event(&self) -> Option<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The offset of the end that a poll has just returned, once.
    pub(super) fn end(&self) -> Option<i64> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// From now on nobody takes events: partitions are let go where the callback stands.
    pub(super) fn is_closing(&self) {
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
        // What came of a commit that nobody waits for is told nowhere but here.
        if facility == "COMMITFAIL" {
            self.happened(Event::CommitFailed(message.clone()));
        }
        if let Some(complaint) = ConnectionFault::of_log(level, facility, &message) {
            self.happened(Event::Closed(complaint));
        }
        // Other faults that matter come as events; these lines repeat them every second.
        tracing::debug!(level = level_name(level), facility, message, "librdkafka");
    }

    fn stats(&self, statistics: Statistics) {
        self.metrics.reported(KafkaClient::Consumer, &figures(&statistics));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Not a fault: the poll returns it too, with the partition and without the offset.
            Some(RDKafkaErrorCode::PartitionEOF) => {
                *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end_in(reason);
            }
            // The poll says so too, and what follows is said with both offsets.
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
        let numbers = || partitions.elements().iter().map(|element| element.partition()).collect();
        let assigns = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            if !assigns && let Err(error) = let_go(consumer, partitions) {
                tracing::debug!(error = %Causes(&error), "partitions were not let go in order");
            }
        } else if assigns {
            self.happened(Event::Assign(numbers()));
        } else {
            self.happened(Event::Revoke(numbers()));
        }
    }
}

/// Takes partitions that the group gave.
pub(super) fn take(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(partitions),
    }
}

/// Lets go of partitions that the group takes away.
pub(super) fn let_go(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}
