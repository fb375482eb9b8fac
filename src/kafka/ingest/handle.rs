//! Handle: the reading thread as seen by the rest of the engine.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{IngestError, Membership, Ticket, TicketedRecord};
use crate::telemetry::{Health, Metrics};

/// Observers of the reading thread, and the signals that end it.
#[derive(Clone)]
pub struct IngestControl {
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Readiness and liveness.
    pub health: Arc<Health>,
    /// Cancelled: stop reading, wait for open tickets, commit, leave the group.
    pub stop: CancellationToken,
    /// Cancelled: end without waiting for tickets.
    pub abort: CancellationToken,
}

/// The reading thread.
pub struct IngestHandle {
    /// Records with their tickets. Closed when reading has ended.
    pub records: mpsc::Receiver<TicketedRecord>,
    /// Takes tickets back. It has room for all open tickets: sending never waits.
    pub settled: SyncSender<Ticket>,
    /// The membership in the group, for offsets in transactions, and the fence of revoked partitions.
    pub membership: Membership,
    /// The result of the thread. If the sender is dropped, the thread has panicked.
    pub ended: oneshot::Receiver<Result<Consumed, IngestError>>,
}

/// How much was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumed {
    /// Records read.
    pub records: u64,
    /// Records read whose offsets were not committed: they will be read again.
    pub uncommitted: usize,
}
