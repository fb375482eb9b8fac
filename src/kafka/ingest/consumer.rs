//! How do records come in? One thread polls the consumer, and nobody else touches it or the ledger.
//!
//! Polling never stops, since polling is what keeps this member in its group: when the budget of records in flight is
//! spent, partitions are paused instead. A partition that is taken away may finish what was read of it, within a
//! deadline; then its tickets settle nothing any more.

use std::collections::BTreeMap;
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
use tracing::{debug, warn};

use super::budget::Budget;
use super::context::Context;
use super::lag::Lag;
use super::offsets::Offsets;
use super::positions::Positions;
use super::probe::{Answer, Probe};
use super::trouble::Trouble;
use super::{
    Config, Consumed, Delivery, Fence, Ingest, IngestError, Ledger, Membership, SourceRecord, Ticket, Watch,
};
use crate::kafka::client::{RecordHeaders, explain_error};
use crate::telemetry::{Causes, LogThrottle};

/// How long one poll waits for records; the stop signal waits no longer than that.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait for a ticket where nothing but tickets is waited for; other events wait no longer than that.
pub(super) const TICKET: Duration = Duration::from_millis(20);
/// Without room for another record for so long, partitions are paused.
const PAUSE_AFTER: Duration = Duration::from_secs(1);
/// The loop turns at least every poll; a rebalance may hold it for the deadline of revoked partitions.
pub(super) const STANDSTILL: Duration = Duration::from_secs(60);
/// The reading thread's name, for debuggers and liveness.
pub(super) const NAME: &str = "ingest";

/// Starts reading. A broker or topic that is not there yet is waited for.
///
/// # Errors
/// Settings that the client refuses, a thread that does not start.
pub fn start(config: Config, watch: Watch) -> Result<Ingest, IngestError> {
    let set_up = |source| IngestError::SetUp { topic: config.topic.clone(), source };
    let context = Context::new(config.kafka.secrets(), watch.metrics.kafka().clone());
    let consumer: BaseConsumer<Context> = config.kafka.client(&config.client(), context).map_err(set_up)?;
    consumer.subscribe(&[&config.topic]).map_err(set_up)?;
    let (consumer, fence) = (Arc::new(consumer), Fence::default());
    let membership = Membership::new(Arc::downgrade(&consumer), fence.clone());
    let (send, deliveries) = mpsc::channel(config.max_posts.get());
    let (settled, tickets) = sync_channel(config.max_posts.get());
    let (report, ended) = oneshot::channel();
    let reader = Reader {
        topic: config.topic.as_str().into(),
        ledger: Ledger::default(),
        fence,
        budget: Budget::new(config.max_posts, config.max_bytes),
        offsets: Offsets::default(),
        positions: Positions::default(),
        is_astray: false,
        ends: BTreeMap::new(),
        lag: Lag::default(),
        // Partitions that are looked for are not read, and each look asks the brokers about every one.
        way_back: LogThrottle::new(Duration::from_millis(500)),
        probe: Probe::start(&config)?,
        trouble: Trouble::new(&config.kafka.bootstrap, &config.topic),
        deliveries: Some(send),
        tickets,
        paused: false,
        full_since: None,
        records: 0,
        next_commit: Instant::now() + config.commit_interval,
        consumer,
        config,
        watch,
    };
    thread::Builder::new()
        .name(format!("riveg-{NAME}"))
        .spawn(move || {
            // Nobody may wait for the outcome any more.
            let _ = report.send(reader.run());
        })
        .map_err(IngestError::Thread)?;
    Ok(Ingest { deliveries, settled, membership, ended })
}

pub(super) struct Reader {
    pub(super) config: Config,
    pub(super) watch: Watch,
    pub(super) topic: Arc<str>,
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) ledger: Ledger,
    pub(super) fence: Fence,
    pub(super) budget: Budget,
    pub(super) offsets: Offsets,
    pub(super) positions: Positions,
    /// The client says that a position is not in the log, without a word on which.
    pub(super) is_astray: bool,
    /// Where the client was at the end of a partition, with nothing read of it since.
    pub(super) ends: BTreeMap<i32, i64>,
    pub(super) lag: Lag,
    pub(super) way_back: LogThrottle,
    pub(super) trouble: Trouble,
    pub(super) probe: Probe,
    /// None once nothing more is read.
    pub(super) deliveries: Option<mpsc::Sender<Delivery>>,
    pub(super) tickets: Receiver<Ticket>,
    pub(super) paused: bool,
    /// Since when there is no room for another record.
    pub(super) full_since: Option<Instant>,
    pub(super) records: u64,
    pub(super) next_commit: Instant,
}

impl Reader {
    fn run(mut self) -> Result<Consumed, IngestError> {
        let read = self.read();
        let drained = self.drain();
        self.watch.health.ended(NAME);
        self.consumer.context().is_closing();
        match read {
            // Told to stop and to wait for nothing, others may be gone before this thread hears of it.
            Err(IngestError::Unread { .. }) if self.watch.stop.is_cancelled() => {}
            read => read?,
        }
        drained
    }

    fn read(&mut self) -> Result<(), IngestError> {
        while !self.watch.stop.is_cancelled() {
            self.watch.health.ticked(NAME, STANDSTILL, Instant::now());
            self.settle_returned(Duration::ZERO)?;
            self.pause_or_resume(Instant::now());
            let full = !self.budget.has_room();
            if full || self.paused {
                self.settle_returned(TICKET)?;
            }
            // Polling goes on where it returns no record: before a pause it would.
            if self.paused || !full {
                self.poll(if self.paused { Duration::ZERO } else { POLL })?;
            }
            self.handle_events()?;
            self.find_way_back(Instant::now())?;
            self.trouble.look_again(&self.probe, Instant::now());
            self.ask_for_ends(Instant::now());
            self.hear_answers();
            self.pass_to_ends()?;
            if Instant::now() >= self.next_commit {
                self.commit();
                self.next_commit = Instant::now() + self.config.commit_interval;
            }
        }
        self.close_ends()
    }

    /// What the brokers have answered aside.
    fn hear_answers(&mut self) {
        while let Some(answer) = self.probe.answer() {
            match answer {
                Answer::Topic(answer) => self.trouble.answered(answer, &self.watch.health, Instant::now()),
                Answer::LogEnds(ends) => self.lag.answered(ends, SystemTime::now()),
                // Asked for when reading ends alone.
                Answer::Ends(_) => {}
            }
        }
    }

    fn poll(&mut self, patience: Duration) -> Result<(), IngestError> {
        let source = match self.consumer.poll(patience) {
            None => return Ok(()),
            Some(Ok(message)) => self.source(&message),
            Some(Err(source @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(IngestError::Read { topic: self.config.topic.clone(), source });
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.end_reached(partition);
                return Ok(());
            }
            // Whatever else goes wrong is an event of the context too, with more words.
            Some(Err(error)) => {
                self.is_astray |= error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset);
                debug!(error = %Causes(&error), "poll");
                return Ok(());
            }
        };
        self.records += 1;
        self.watch.metrics.consumed(&self.topic, source.partition, source.bytes());
        self.positions.set(source.partition, source.offset + 1);
        self.ends.remove(&source.partition);
        self.deliver(Arc::new(source), false)
    }

    /// Sends on what was read, with its ticket.
    pub(super) fn deliver(&mut self, source: Arc<SourceRecord>, is_gap: bool) -> Result<(), IngestError> {
        let bytes = source.bytes();
        self.budget.take(bytes);
        self.watch.metrics.posts_in_flight(self.budget.posts());
        let ticket = self.ledger.issue_written(source.partition, source.offset, Some(source.written()));
        let ticket = ticket.weighing(bytes);
        let delivery = Delivery { source, ticket, is_gap };
        match self.deliveries.as_ref().map(|deliveries| deliveries.try_send(delivery)) {
            Some(Ok(())) => Ok(()),
            Some(Err(mpsc::error::TrySendError::Full(_))) => {
                unreachable!("the channel has room for the whole budget")
            }
            Some(Err(mpsc::error::TrySendError::Closed(_))) | None => Err(self.unread()),
        }
    }

    fn source(&self, message: &BorrowedMessage<'_>) -> SourceRecord {
        SourceRecord {
            topic: self.topic.clone(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: message.headers().map(RecordHeaders::read).unwrap_or_default(),
            received: SystemTime::now(),
        }
    }

    /// Takes in the tickets that have come back; waits for the first one no longer than `patience`.
    pub(super) fn settle_returned(&mut self, patience: Duration) -> Result<(), IngestError> {
        match self.tickets.recv_timeout(patience) {
            Ok(ticket) => self.settle(ticket),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(self.unread()),
        }
        loop {
            match self.tickets.try_recv() {
                Ok(ticket) => self.settle(ticket),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(self.unread()),
            }
        }
        self.watch.metrics.posts_in_flight(self.budget.posts());
        Ok(())
    }

    fn settle(&mut self, ticket: Ticket) {
        self.budget.give_back(ticket.bytes());
        if !self.ledger.settle(ticket) {
            debug!("a ticket came back after its partition was taken away");
        }
    }

    /// Pauses when there has been no room for a while, and resumes when there is some for a while.
    ///
    /// A pause throws away what the client has fetched ahead, and costs a round to the broker: so short of room, records
    /// wait in the client unpolled, for far less than a rebalance would mind.
    fn pause_or_resume(&mut self, now: Instant) {
        if self.budget.has_room() {
            self.full_since = None;
        }
        let pause = if self.paused {
            self.budget.is_spent()
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
                self.watch.metrics.paused_partitions(if paused { partitions } else { 0 });
            }
            Err(error) => warn!(
                error = explain_error(&error),
                paused, "partitions could not be paused or resumed; trying again"
            ),
        }
    }

    fn unread(&self) -> IngestError {
        IngestError::Unread { topic: self.config.topic.clone() }
    }
}
