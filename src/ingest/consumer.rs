//! How do records come in? One thread polls the consumer, and nobody else touches it or the ledger.
//!
//! Polling never stops, since polling is what keeps this member in its group: when the budget of records in flight is
//! spent, partitions are paused instead. A partition that is taken away may finish what was read of it, within a
//! deadline; then its tickets settle nothing any more.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

use super::budget::Budget;
use super::context::{self, Context, Event};
use super::offsets::{self, Offsets};
use super::reading::FINAL_COMMIT;
use super::trouble::Trouble;
use super::{
    Config, Consumed, Delivery, Fence, Ingest, IngestError, Ledger, Membership, OffsetsBy, SourceRecord,
    Ticket, Watch,
};
use crate::telemetry::Rebalance;

/// How long one poll waits for records; the stop signal waits no longer than that.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait for a ticket where nothing but tickets is waited for; other events wait no longer than that.
const TICKET: Duration = Duration::from_millis(20);
/// Without room for another record for so long, partitions are paused.
const PAUSE_AFTER: Duration = Duration::from_secs(1);
/// The loop turns at least every poll; a rebalance may hold it for the deadline of revoked partitions.
const STANDSTILL: Duration = Duration::from_secs(60);
/// The reading thread's name, for debuggers and liveness.
const NAME: &str = "ingest";

/// Starts reading. A broker or topic that is not there yet is waited for.
///
/// # Errors
/// Settings that the client refuses, a thread that does not start.
pub fn start(config: Config, watch: Watch) -> Result<Ingest, IngestError> {
    let set_up = |source| IngestError::SetUp { topic: config.topic.clone(), source };
    let context = Context::new(config.kafka.secrets());
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

struct Reader {
    config: Config,
    watch: Watch,
    topic: Arc<str>,
    consumer: Arc<BaseConsumer<Context>>,
    ledger: Ledger,
    fence: Fence,
    budget: Budget,
    offsets: Offsets,
    trouble: Trouble,
    /// None once nothing more is read.
    deliveries: Option<mpsc::Sender<Delivery>>,
    tickets: Receiver<Ticket>,
    paused: bool,
    /// Since when there is no room for another record.
    full_since: Option<Instant>,
    records: u64,
    next_commit: Instant,
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
            self.handle_events();
            self.trouble.look_again(&self.consumer, &self.watch.health, Instant::now());
            if Instant::now() >= self.next_commit {
                self.commit();
                self.next_commit = Instant::now() + self.config.commit_interval;
            }
        }
        Ok(())
    }

    fn poll(&mut self, patience: Duration) -> Result<(), IngestError> {
        let (source, bytes) = match self.consumer.poll(patience) {
            None => return Ok(()),
            Some(Ok(message)) => self.source(&message),
            Some(Err(source @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(IngestError::Read { topic: self.config.topic.clone(), source });
            }
            // Whatever else goes wrong is an event of the context too, with more words.
            Some(Err(error)) => {
                debug!(%error, "poll");
                return Ok(());
            }
        };
        self.budget.take(bytes);
        self.records += 1;
        self.watch.metrics.consumed(&self.topic, source.partition);
        self.watch.metrics.posts_in_flight(self.budget.posts());
        let ticket = self.ledger.issue(source.partition, source.offset).weighing(bytes);
        let delivery = Delivery { source: Arc::new(source), ticket };
        match self.deliveries.as_ref().map(|deliveries| deliveries.try_send(delivery)) {
            Some(Ok(())) => Ok(()),
            Some(Err(mpsc::error::TrySendError::Full(_))) => {
                unreachable!("the channel has room for the whole budget")
            }
            Some(Err(mpsc::error::TrySendError::Closed(_))) | None => Err(self.unread()),
        }
    }

    fn source(&self, message: &BorrowedMessage<'_>) -> (SourceRecord, usize) {
        let source = SourceRecord {
            topic: self.topic.clone(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: message.headers().map(|headers| headers.detach()),
            received: SystemTime::now(),
        };
        let bytes = source.bytes();
        (source, bytes)
    }

    /// Takes in the tickets that have come back; waits for the first one no longer than `patience`.
    fn settle_returned(&mut self, patience: Duration) -> Result<(), IngestError> {
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
            Err(error) => warn!(%error, paused, "partitions could not be paused or resumed; trying again"),
        }
    }

    fn handle_events(&mut self) {
        while let Some(event) = self.consumer.context().next_event() {
            match event {
                Event::Assign(partitions) => self.assigned(&partitions),
                Event::Revoke(partitions) => self.revoked(&partitions),
                Event::CommitFailed(reason) => {
                    warn!(reason, "offsets were not committed; they are sent again");
                    self.offsets.refused();
                }
                Event::Closed(complaint) => self.trouble.closed(complaint),
                Event::Fault(error, reason) => {
                    self.trouble.complaint(&error, &reason, &self.watch.health, Instant::now());
                }
            }
        }
    }

    fn assigned(&mut self, partitions: &[i32]) {
        let list = self.list(partitions);
        if let Err(error) = context::take(&self.consumer, &list) {
            warn!(%error, ?partitions, "partitions were not taken");
            return;
        }
        // Nothing is fetched between taking and pausing that a poll could return. One that was paused when it was taken
        // away is paused still when it comes back, and the client fetches nothing of it until it is resumed.
        let reads = !self.paused && self.deliveries.is_some();
        let changed = if reads { self.consumer.resume(&list) } else { self.consumer.pause(&list) };
        if let Err(error) = changed {
            warn!(%error, ?partitions, reads, "new partitions could not be paused or resumed");
        }
        for &partition in partitions {
            self.watch.metrics.partition_assigned(&self.topic, partition);
        }
        self.watch.metrics.rebalanced(Rebalance::Assigned);
        self.watch.health.partitions_are_assigned();
        info!(topic = &*self.topic, ?partitions, "partitions assigned");
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
        if let Err(error) = context::let_go(&self.consumer, &self.list(partitions)) {
            warn!(%error, ?partitions, "partitions were not let go");
        }
        for &partition in partitions {
            self.watch.metrics.partition_revoked(&self.topic, partition);
        }
        self.watch.metrics.rebalanced(Rebalance::Revoked);
        info!(topic = &*self.topic, ?partitions, lost, "partitions revoked");
    }

    /// Sends the watermarks that have moved. Only a refusal is answered, as an event.
    fn commit(&mut self) {
        for (partition, offset) in self.ledger.watermarks() {
            self.watch.metrics.watermark(&self.topic, partition, offset);
        }
        for (partition, records) in self.ledger.outstanding() {
            self.watch.metrics.outstanding(&self.topic, partition, records);
        }
        if self.config.offsets_by == OffsetsBy::Transaction {
            return;
        }
        if let Err(error) = self.offsets.send(&self.consumer, &self.topic, self.ledger.watermarks()) {
            // No group yet, or a rebalance under way: the next interval tries again.
            let quiet = error.rdkafka_error_code() == Some(RDKafkaErrorCode::NoOffset);
            if !quiet {
                warn!(%error, "offsets could not be sent; they are sent again");
            }
        }
    }

    /// Reads no more, waits for what is out, and commits it.
    fn drain(&mut self) -> Result<Consumed, IngestError> {
        self.watch.health.is_draining();
        self.deliveries = None;
        let paused = self.consumer.assignment().and_then(|assignment| self.consumer.pause(&assignment));
        if let Err(error) = paused {
            debug!(%error, "partitions could not be paused for the drain");
        }
        while self.budget.posts() > 0 && !self.watch.abort.is_cancelled() {
            self.watch.health.ticked(NAME, STANDSTILL, Instant::now());
            if self.settle_returned(TICKET).is_err() {
                break;
            }
            self.keep_in_group(Duration::ZERO);
        }
        let uncommitted = self.ledger.unsettled();
        info!(topic = &*self.topic, records = self.records, uncommitted, "reading has ended");
        if self.config.offsets_by == OffsetsBy::Transaction {
            // A ticket comes back when the broker has its transaction. One that was cut off meanwhile hides the
            // offsets before it, until the broker or the next engine under its name has ended it.
            return Ok(Consumed { records: self.records, uncommitted });
        }
        let watermarks: Vec<(i32, i64)> = self.ledger.watermarks().collect();
        let deadline = Instant::now() + FINAL_COMMIT;
        loop {
            self.commit();
            if offsets::are_held(&self.consumer, &self.topic, &watermarks, FINAL_COMMIT / 5) {
                return Ok(Consumed { records: self.records, uncommitted });
            }
            if Instant::now() > deadline {
                return Err(IngestError::FinalCommit { topic: self.config.topic.clone() });
            }
            self.keep_in_group(TICKET);
        }
    }

    /// Polls without reading: everything is paused.
    fn keep_in_group(&mut self, patience: Duration) {
        if let Some(Ok(message)) = self.consumer.poll(patience) {
            debug!(offset = message.offset(), "a record of a paused partition is left for the next reader");
        }
        self.handle_events();
    }

    fn list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            list.add_partition(&self.topic, partition);
        }
        list
    }

    fn unread(&self) -> IngestError {
        IngestError::Unread { topic: self.config.topic.clone() }
    }
}
