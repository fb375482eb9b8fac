//! What is the reading thread told, and what does it give out?

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rdkafka::error::KafkaError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Delivery, Membership, Ticket};
use crate::telemetry::{Health, Metrics};

/// Who is told how reading goes, and who says when it ends.
#[derive(Clone)]
pub struct Watch {
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Readiness and liveness.
    pub health: Arc<Health>,
    /// Cancelled: read no more, wait for what is out, commit, leave the group.
    pub stop: CancellationToken,
    /// Cancelled: wait for nothing.
    pub abort: CancellationToken,
}

/// The reading thread, from outside.
pub struct Ingest {
    /// Records with their tickets. Closed when nothing more will come.
    pub deliveries: mpsc::Receiver<Delivery>,
    /// Takes the tickets back. It has room for all that are out: sending never waits.
    pub settled: SyncSender<Ticket>,
    /// The place in the group, for those who write offsets into transactions, and what must not be published any more.
    pub membership: Membership,
    /// How it ended. An error here means that the thread panicked.
    pub ended: oneshot::Receiver<Result<Consumed, IngestError>>,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumed {
    /// Records read.
    pub records: u64,
    /// Records read whose offsets were not committed: they will be read again.
    pub uncommitted: usize,
}

/// Why reading could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The settings are not what the client takes.
    #[error("failed to set up the consumer of topic `{topic}`")]
    SetUp {
        /// The topic to be read.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
    /// The thread could not be started.
    #[error("failed to start the reading thread")]
    Thread(#[source] std::io::Error),
    /// The client is broken for good.
    #[error("failed to read topic `{topic}`")]
    Read {
        /// The topic that was read.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
    /// What was to be read next is gone, and the settings say to stop then.
    #[error(
        "offset {position} of partition {partition} of topic `{topic}` was to be read next, and the log holds {start} to \
         {end} only; to go on without what is lost, set ingest.on_data_loss to `continue` or move the group's offset"
    )]
    Lost {
        /// The topic that was read.
        topic: String,
        /// Its partition.
        partition: i32,
        /// The offset of the record that was to be read next.
        position: i64,
        /// The offset of the oldest record there is.
        start: i64,
        /// The offset after the newest.
        end: i64,
    },
    /// Nobody takes records or returns tickets any more.
    #[error("the rest of the engine has ended before the reading of topic `{topic}`")]
    Unread {
        /// The topic that was read.
        topic: String,
    },
    /// The last offsets may not have been committed: some posts may be done twice.
    #[error("failed to commit the last offsets of topic `{topic}` within {} s", FINAL_COMMIT.as_secs())]
    FinalCommit {
        /// The topic that was read.
        topic: String,
    },
}

/// A broker that is there answers a commit in milliseconds.
pub(super) const FINAL_COMMIT: Duration = Duration::from_secs(10);
