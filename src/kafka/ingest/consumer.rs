//! Consumer: the reading thread, which alone polls the Kafka consumer and owns the ledger.
//!
//! Polling never stops, since it keeps this member in its group: when the in-flight budget is exhausted, partitions are
//! paused instead. Records of a revoked partition may be finished within a deadline; after that their tickets have no
//! effect.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

use super::availability::Availability;
use super::budget::InFlightBudget;
use super::context::Context;
use super::lag::LagTracker;
use super::positions::Positions;
use super::probe::{Probe, ProbeResponse};
use super::sent_offsets::SentOffsets;
use super::{
    Config, Consumed, Fence, IngestControl, IngestError, IngestHandle, Ledger, Membership, OffsetsBy,
    SourceRecord, Ticket, TicketedRecord,
};
use crate::kafka::client::{Connection, RecordHeaders, TopicNames, TopicPartition, explain_error};
use crate::telemetry::traces::{Kind, TRACEPARENT, Tracer};
use crate::telemetry::{Causes, LogThrottle};

/// Timeout of one poll. The stop signal is looked at no later than this.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// Timeout of waiting for a ticket. Other events are looked at no later than this.
pub(super) const TICKET_WAIT: Duration = Duration::from_millis(20);
/// Partitions are paused if there is no room for another record for this long.
const PAUSE_AFTER: Duration = Duration::from_secs(1);
/// The loop turns at least once a poll. A rebalance may delay it by the deadline for revoked partitions.
pub(super) const MAX_STANDSTILL: Duration = Duration::from_secs(60);
/// The name of the reading thread in liveness and debuggers.
pub(super) const NAME: &str = "ingest";

/// Starts reading, with at most `max_posts` unsettled records. The broker or the topic may be unavailable for now.
///
/// # Errors
/// If librdkafka refuses the settings or the thread does not start.
pub fn start(
    kafka: &Connection,
    config: Config,
    (max_posts, offsets_by): (NonZeroUsize, OffsetsBy),
    control: IngestControl,
) -> Result<IngestHandle, IngestError> {
    let set_up = |source| IngestError::SetUp { topics: Box::new(config.topic.clone()), source };
    let context = Context::new(kafka.secrets(), control.metrics.kafka().clone());
    let consumer: BaseConsumer<Context> = kafka.client(&config.client(kafka), context).map_err(set_up)?;
    let subscription = config.topic.subscription();
    let subscription: Vec<&str> = subscription.iter().map(String::as_str).collect();
    consumer.subscribe(&subscription).map_err(set_up)?;
    for topic in config.formats.keys().filter(|topic| !config.topic.has(topic)) {
        warn!(topic, "ingest.formats names a topic that ingest.topic does not read");
    }
    let excluded: Vec<&str> = config.topic.excluded().collect();
    if !excluded.is_empty() {
        let topics = excluded.join(", ");
        info!(
            topics,
            "topics that match a pattern of ingest.topic are not read: the engine itself writes them"
        );
    }
    let (consumer, fence) = (Arc::new(consumer), Fence::default());
    let membership = Membership::new(Arc::downgrade(&consumer), fence.clone());
    let (send, records_out) = mpsc::channel(max_posts.get());
    let (settled, tickets) = sync_channel(max_posts.get());
    let (report, ended) = oneshot::channel();
    let max_bytes = usize::try_from(config.max_bytes.as_u64()).unwrap_or(usize::MAX);
    let reader = Reader {
        names: TopicNames::default(),
        tracer: control.metrics.tracing().tracer(),
        ledger: Ledger::default(),
        fence,
        budget: InFlightBudget::new(max_posts, max_bytes),
        offsets: SentOffsets::default(),
        positions: Positions::default(),
        position_lost: false,
        assigned: BTreeMap::new(),
        ends: BTreeMap::new(),
        lag: LagTracker::default(),
        // Partitions are not read meanwhile, and each attempt sends requests for all partitions.
        recovery_pace: LogThrottle::new(Duration::from_millis(500)),
        probe: Probe::start(kafka, config.topic.clone())?,
        availability: Availability::new(&kafka.bootstrap, config.topic.clone()),
        records: Some(send),
        tickets,
        paused: false,
        full_since: None,
        records_read: 0,
        next_commit: Instant::now() + config.commit_interval,
        consumer,
        offsets_by,
        config,
        control,
    };
    thread::Builder::new()
        .name(format!("riveg-{NAME}"))
        .spawn(move || {
            // The receiver may be gone.
            let _ = report.send(reader.run());
        })
        .map_err(IngestError::Thread)?;
    Ok(IngestHandle { records: records_out, settled, membership, ended })
}

pub(super) struct Reader {
    pub(super) config: Config,
    pub(super) offsets_by: OffsetsBy,
    pub(super) control: IngestControl,
    names: TopicNames,
    tracer: Tracer,
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) ledger: Ledger,
    pub(super) fence: Fence,
    pub(super) budget: InFlightBudget,
    pub(super) offsets: SentOffsets,
    pub(super) positions: Positions,
    /// The client has reported that a position is not in the log. It does not say which one.
    pub(super) position_lost: bool,
    /// The partitions of this engine. Of each, the position that the client reported when it was assigned, until a record
    /// comes or the client reports another: it may be one of an earlier assignment.
    pub(super) assigned: BTreeMap<TopicPartition, Option<i64>>,
    /// The end of each partition that the client has reached, if no record came since.
    pub(super) ends: BTreeMap<TopicPartition, i64>,
    pub(super) lag: LagTracker,
    pub(super) recovery_pace: LogThrottle,
    pub(super) availability: Availability,
    pub(super) probe: Probe,
    /// None when reading has ended.
    pub(super) records: Option<mpsc::Sender<TicketedRecord>>,
    pub(super) tickets: Receiver<Ticket>,
    pub(super) paused: bool,
    /// Since when there has been no room for another record.
    pub(super) full_since: Option<Instant>,
    pub(super) records_read: u64,
    pub(super) next_commit: Instant,
}

impl Reader {
    fn run(mut self) -> Result<Consumed, IngestError> {
        let read = self.read();
        let drained = self.drain();
        self.control.health.ended(NAME);
        self.consumer.context().close();
        match read {
            // After an abort the other parts may end before this thread.
            Err(IngestError::Disconnected { .. }) if self.control.stop.is_cancelled() => {}
            read => read?,
        }
        drained
    }

    fn read(&mut self) -> Result<(), IngestError> {
        while !self.control.stop.is_cancelled() {
            self.control.health.ticked(NAME, MAX_STANDSTILL, Instant::now());
            self.settle_returned(Duration::ZERO)?;
            self.pause_or_resume(Instant::now());
            let full = !self.budget.has_room();
            if full || self.paused {
                self.settle_returned(TICKET_WAIT)?;
            }
            // While the budget is full and partitions are not paused yet, a poll would return a record.
            if self.paused || !full {
                self.poll(if self.paused { Duration::ZERO } else { POLL_WAIT })?;
            }
            self.handle_events()?;
            self.recover_positions(Instant::now())?;
            self.availability.probe_if_due(&self.probe, Instant::now());
            self.request_ends(Instant::now());
            self.handle_probe_responses();
            self.deliver_gaps()?;
            if Instant::now() >= self.next_commit {
                self.commit();
                self.next_commit = Instant::now() + self.config.commit_interval;
            }
        }
        self.settle_ends()
    }

    /// Handles the responses of the probe.
    fn handle_probe_responses(&mut self) {
        while let Some(response) = self.probe.response() {
            match response {
                ProbeResponse::Topics(response) => {
                    self.availability.probe_answered(response, &self.control.health, Instant::now())
                }
                ProbeResponse::LagEnds(ends) => self.lag.update(ends, SystemTime::now()),
                // Requested only when reading ends.
                ProbeResponse::FinalEnds(_) => {}
            }
        }
    }

    fn poll(&mut self, timeout: Duration) -> Result<(), IngestError> {
        let source = match self.consumer.poll(timeout) {
            None => return Ok(()),
            Some(Ok(message)) => Self::source((&mut self.names, &self.tracer), &message),
            Some(Err(source @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(IngestError::Read { topics: Box::new(self.config.topic.clone()), source });
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.record_end(partition);
                return Ok(());
            }
            // Other errors also come as events of the context, with more detail.
            Some(Err(error)) => {
                self.position_lost |= error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset);
                debug!(error = %Causes(&error), "poll");
                return Ok(());
            }
        };
        self.records_read += 1;
        let partition = source.topic_partition();
        self.control.metrics.consumed(&source.topic, source.partition, source.bytes());
        self.positions.set(&partition, source.offset + 1);
        self.ends.remove(&partition);
        if let Some(former) = self.assigned.get_mut(&partition) {
            *former = None;
        }
        self.deliver(Arc::new(source), false)
    }

    /// Sends a record to the engine with its ticket.
    pub(super) fn deliver(&mut self, source: Arc<SourceRecord>, is_gap: bool) -> Result<(), IngestError> {
        let bytes = source.bytes();
        self.budget.add(bytes);
        self.control.metrics.posts_in_flight(self.budget.posts());
        let ticket =
            self.ledger.issue_written(&source.topic_partition(), source.offset, Some(source.written()));
        let ticket = ticket.with_bytes(bytes);
        let record = TicketedRecord { source, ticket, is_gap };
        match self.records.as_ref().map(|records| records.try_send(record)) {
            Some(Ok(())) => Ok(()),
            Some(Err(mpsc::error::TrySendError::Full(_))) => {
                unreachable!("the channel has room for the whole budget")
            }
            Some(Err(mpsc::error::TrySendError::Closed(_))) | None => Err(self.disconnected()),
        }
    }

    fn source((names, tracer): (&mut TopicNames, &Tracer), message: &BorrowedMessage<'_>) -> SourceRecord {
        let headers = message.headers().map(RecordHeaders::read).unwrap_or_default();
        let name = || format!("process {}", message.topic());
        let trace = tracer.begin(headers.last(TRACEPARENT), Kind::Consumer, name);
        if trace.is_recorded() {
            trace.set("messaging.system", "kafka");
            trace.set("messaging.destination.name", message.topic());
            trace.set("messaging.destination.partition.id", message.partition().to_string().as_str());
            trace.set("messaging.kafka.offset", message.offset());
        }
        SourceRecord {
            topic: names.shared(message.topic()),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers,
            received: SystemTime::now(),
            trace,
        }
    }

    /// Settles returned tickets. Waits up to `timeout` for the first one.
    pub(super) fn settle_returned(&mut self, timeout: Duration) -> Result<(), IngestError> {
        match self.tickets.recv_timeout(timeout) {
            Ok(ticket) => self.settle(ticket),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(self.disconnected()),
        }
        loop {
            match self.tickets.try_recv() {
                Ok(ticket) => self.settle(ticket),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(self.disconnected()),
            }
        }
        self.control.metrics.posts_in_flight(self.budget.posts());
        Ok(())
    }

    fn settle(&mut self, ticket: Ticket) {
        self.budget.release(ticket.bytes());
        if !self.ledger.settle(ticket) {
            debug!("a ticket was returned after its partition was revoked");
        }
    }

    /// Pauses when there has been no room for some time, and resumes when half of the budget is free.
    ///
    /// A pause discards prefetched records and costs a request to the broker. For short times without room, records
    /// therefore wait in the client unpolled, for much less than `max.poll.interval.ms`.
    fn pause_or_resume(&mut self, now: Instant) {
        if self.budget.has_room() {
            self.full_since = None;
        }
        let pause = if self.paused {
            self.budget.is_exhausted()
        } else {
            !self.budget.has_room() && now.duration_since(*self.full_since.get_or_insert(now)) >= PAUSE_AFTER
        };
        if pause == self.paused {
            return;
        }
        let paused = !self.paused;
        let changed = self.consumer.assignment().and_then(|assignment| {
            let count = assignment.count();
            let consumer: &BaseConsumer<Context> = &self.consumer;
            if paused { consumer.pause(&assignment) } else { consumer.resume(&assignment) }.map(|()| count)
        });
        match changed {
            Ok(partitions) => {
                self.paused = paused;
                self.control.metrics.paused_partitions(if paused { partitions } else { 0 });
            }
            Err(error) => warn!(
                error = explain_error(&error),
                paused, "partitions could not be paused or resumed; trying again"
            ),
        }
    }

    fn disconnected(&self) -> IngestError {
        IngestError::Disconnected { topics: Box::new(self.config.topic.clone()) }
    }
}
