//! What may be written, and is not written yet? In the order of reading, without what belongs to others by now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::error::RDKafkaErrorCode;
use tracing::{debug, warn};

use super::cut::Cut;
use super::parcel::{Amended, Kind, Packer, Parcel};
use super::post_id::post_id;
use super::{Config, Outcome, Provenance, Published, Record, Sequencer};
use crate::domain::Rejection;
use crate::kafka::ingest::{Fence, SourceRecord, Ticket};
use crate::telemetry::{Health, LogThrottle, Metrics, Tombstone};

/// The name of this part in readiness.
const NAME: &str = "publish";

/// Parcels from the sequencer to their delivery; every ticket that goes in comes back, settled.
pub(super) struct Outbox {
    packer: Packer,
    sequencer: Sequencer<(Arc<SourceRecord>, Record, u32)>,
    settled: SyncSender<Ticket>,
    fence: Fence,
    /// Released by the sequencer and not delivered.
    parcels: BTreeMap<Place, Parcel>,
    published: Published,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    warning: LogThrottle,
    cut_warning: LogThrottle,
    timestamp_warning: LogThrottle,
}

/// Partition, generation and sequence of a parcel's ticket.
type Place = (i32, u64, u64);

impl Outbox {
    pub(super) fn new(
        config: &Config,
        provenance: Provenance,
        (settled, fence): (SyncSender<Ticket>, Fence),
        (metrics, health): (Arc<Metrics>, Arc<Health>),
    ) -> Self {
        Self {
            packer: Packer::new(config, provenance),
            sequencer: Sequencer::default(),
            settled,
            fence,
            parcels: BTreeMap::new(),
            published: Published::default(),
            metrics,
            health,
            warning: LogThrottle::new(Duration::from_secs(30)),
            cut_warning: LogThrottle::new(Duration::from_secs(30)),
            timestamp_warning: LogThrottle::new(Duration::from_secs(30)),
        }
    }

    /// Takes what became of a record; it may be taken out when all that was read before it may.
    pub(super) fn accept(&mut self, outcome: Outcome) {
        let Outcome { source, record, ticket, attempts } = outcome;
        let released = self.sequencer.push(ticket, (source, record, attempts));
        for (ticket, _) in released.overtaken {
            self.settle(ticket);
        }
        let now = SystemTime::now();
        for (ticket, (source, record, attempts)) in released.in_order {
            let parcel = self.packer.pack(Outcome { source, record, ticket, attempts }, now);
            self.put_back(parcel);
        }
    }

    /// The next parcel to be written. Those of partitions that were taken away are dropped: their new reader writes them.
    pub(super) fn take(&mut self) -> Option<Parcel> {
        while let Some((_, parcel)) = self.parcels.pop_first() {
            if !self.fence.is_past(&parcel.ticket) {
                return Some(parcel);
            }
            self.drop_overtaken(parcel);
        }
        None
    }

    /// A parcel that must not be written any more.
    pub(super) fn drop_overtaken(&self, parcel: Parcel) {
        let (partition, offset) = (parcel.ticket.partition(), parcel.ticket.offset());
        debug!(partition, offset, "an answer is left to the partition's new reader");
        self.settle(parcel.ticket);
    }

    /// A parcel was not written: it takes its place again.
    pub(super) fn put_back(&mut self, parcel: Parcel) {
        let ticket = &parcel.ticket;
        self.parcels.insert((ticket.partition(), ticket.generation(), ticket.sequence()), parcel);
    }

    /// A parcel that was refused for what it is, as it may be taken. `by_broker`: with its whole batch, so that it is tried
    /// once more by itself before it is found too large.
    pub(super) fn amended(
        &mut self,
        mut parcel: Parcel,
        code: Option<RDKafkaErrorCode>,
        by_broker: bool,
    ) -> Amended {
        use RDKafkaErrorCode as Code;
        match code {
            // Another record of its batch is at fault.
            Some(Code::InvalidDifferentRecord) => Amended::Changed(parcel),
            // The topic takes none so far from now. Where several of a batch are refused, the client says no more than that
            // they are invalid.
            Some(Code::InvalidTimestamp | Code::InvalidRecord) if parcel.timestamp.is_some() => {
                if self.timestamp_warning.is_due(Instant::now()) {
                    warn!(
                        topic = &*parcel.topic,
                        "timestamps are refused; answers are written with the time of writing"
                    );
                }
                parcel.timestamp = None;
                Amended::Changed(parcel)
            }
            Some(Code::InvalidRecord) => Packer::keyed(parcel),
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => {
                if by_broker && !parcel.alone && !parcel.has_own_batch {
                    parcel.alone = true;
                    return Amended::Changed(parcel);
                }
                self.packer.smaller(parcel)
            }
            _ => Amended::Same(parcel),
        }
    }

    /// A parcel is where it belongs.
    pub(super) fn delivered(&mut self, parcel: Parcel) {
        match &parcel.kind {
            Kind::Annotation => self.published.annotations += 1,
            Kind::DeadLetter(rejection, cut) => {
                self.published.dead_letters += 1;
                self.metrics.dead_letter(rejection.class.as_str());
                let (source, cut) = (Arc::clone(&parcel.source), *cut);
                self.say_refused(&source, rejection);
                self.was_cut(&source, cut);
            }
            Kind::Tombstone => self.metrics.ingest().tombstone(Tombstone::Forwarded),
            Kind::Skipped => {
                self.metrics.ingest().tombstone(Tombstone::Skipped);
                return self.settle(parcel.ticket);
            }
            Kind::Gap => return self.settle(parcel.ticket),
        }
        self.metrics.produced(&parcel.topic, parcel.bytes());
        if let Some(age) = parcel.source.timestamp.and_then(age) {
            self.metrics.delivered(age);
        }
        self.settle(parcel.ticket);
        self.goes_well();
    }

    /// Names a post that has become a dead letter, and why in a word: never what the post says.
    fn say_refused(&self, source: &SourceRecord, rejection: &Rejection) {
        let (class, stage) = (rejection.class.as_str(), rejection.stage);
        if self.metrics.letter_log().is_named(class, Instant::now()) {
            let (topic, partition, offset) = (&*source.topic, source.partition, source.offset);
            let id = source.value.as_deref().and_then(post_id);
            warn!(id, class, stage, topic, partition, offset, "a post has become a dead letter");
        }
    }

    /// Says what a dead letter had to give up: the first line in a while, since a feed may be full of such records.
    fn was_cut(&mut self, source: &SourceRecord, cut: Cut) {
        let given_up: Vec<&str> = cut.given_up(source).into_iter().map(Cut::as_str).collect();
        given_up.iter().for_each(|what| self.metrics.dead_letter_cut(what));
        if !given_up.is_empty() && self.cut_warning.is_due(Instant::now()) {
            let (topic, partition, offset) = (&*source.topic, source.partition, source.offset);
            let given_up = given_up.join(", ");
            warn!(
                topic,
                partition, offset, given_up, "a dead letter was cut: its topic takes no record so large"
            );
        }
    }

    /// Writing is hindered for a reason that may pass.
    pub(super) fn is_hindered(&mut self, reason: String) {
        if self.warning.is_due(Instant::now()) {
            warn!(reason, "nothing can be written; still trying");
        }
        self.health.waits(NAME, reason);
    }

    /// Writing is not hindered any more.
    pub(super) fn goes_well(&mut self) {
        self.warning.reset();
        self.health.waits_no_more(NAME);
    }

    /// Nothing will ever be written by this process again.
    pub(super) fn is_lost(&self, reason: &str) {
        self.health.is_lost(reason);
    }

    /// Whether nothing may be written now.
    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// How many may be written now.
    pub(super) fn len(&self) -> usize {
        self.parcels.len()
    }

    /// How many wait for an earlier one.
    pub(super) fn waiting(&self) -> usize {
        self.sequencer.waiting()
    }

    /// What was delivered.
    pub(super) fn published(&self) -> Published {
        self.published
    }

    /// What is counted.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn settle(&self, ticket: Ticket) {
        if self.settled.send(ticket).is_err() {
            debug!("nobody waits for tickets any more");
        }
    }
}

/// How old a record of that timestamp is; none if it comes from the future.
fn age(timestamp: i64) -> Option<Duration> {
    let written = UNIX_EPOCH + Duration::from_millis(u64::try_from(timestamp).ok()?);
    SystemTime::now().duration_since(written).ok()
}
