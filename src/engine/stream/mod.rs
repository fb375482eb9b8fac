//! How do the parts hang together? Records from Kafka, through one asynchronous function a post, back to Kafka.
//!
//! Shutdown is the flow itself: the stop signal reaches the reading alone; each channel that closes ends the next part,
//! and the last tickets that return let the reading commit and leave. A deadline cuts it short.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::DeliveryMode;
use crate::domain::Rejection;
use crate::kafka::attempts::{Attempts, AttemptsError};
use crate::kafka::ingest::{self, IngestError, OffsetsBy};
use crate::kafka::publish::{self, Annotated, Provenance, PublishError, Publisher};
use crate::telemetry::{Health, Metrics};

mod drive;
mod progress;

use drive::drive;
use progress::{Topics, report, summarise};

/// What the engine reads, writes and bounds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is read.
    pub ingest: ingest::Config,
    /// What is written.
    pub publish: publish::Config,
    /// What annotations say of their maker.
    pub provenance: Provenance,
    /// Posts worked on at one time.
    pub posts_in_flight: NonZeroUsize,
    /// How long after it was written a post is still worth working on; none: for ever.
    pub max_age: Option<Duration>,
    /// How long what was begun may be finished after the stop signal.
    pub drain_deadline: Duration,
    /// The folder where what is worked on is written down for the next process; none: nowhere.
    pub state: Option<PathBuf>,
    /// How often the log says how it goes; none: never.
    pub progress: Option<Duration>,
}

impl Settings {
    /// As configured, with the bundle of that hash.
    #[must_use]
    pub fn new(config: &crate::config::Config, bundle: &str) -> Self {
        let posts_in_flight = NonZeroUsize::new(config.engine.posts_in_flight).unwrap_or(NonZeroUsize::MIN);
        let max_posts = posts_in_flight.saturating_mul(config.ingest.read_ahead);
        let bootstrap = &config.kafka.bootstrap;
        let (input, output) = (&config.ingest, &config.publish);
        let mut ingest = ingest::Config::new(bootstrap, &input.topic, &input.group, max_posts);
        let mut publish =
            publish::Config::new(bootstrap, &output.topic, &output.dead_letter_topic, max_posts);
        ingest.max_bytes = usize::try_from(input.max_bytes.as_u64()).unwrap_or(usize::MAX);
        ingest.commit_interval = input.commit_interval;
        ingest.revoke_deadline = input.revoke_deadline;
        ingest.protocol = input.protocol;
        ingest.session_timeout = input.session_timeout;
        ingest.start = input.start;
        ingest.on_data_loss = input.on_data_loss;
        ingest.tombstones = input.tombstones;
        ingest.instance = Some(&input.instance).filter(|name| !name.is_empty()).cloned();
        if output.delivery == DeliveryMode::ExactlyOnce {
            ingest.offsets_by = OffsetsBy::Transaction;
            publish.delivery = publish::Delivery::ExactlyOnce {
                transactional_id: output.transactional_id(&input.group),
                input: input.topic.clone(),
                interval: input.commit_interval,
            };
        }
        publish.carry = output.carry();
        ingest.kafka.clone_from(&config.kafka);
        publish.kafka.clone_from(&config.kafka);
        Self {
            ingest,
            publish,
            provenance: Provenance::of_bundle(bundle),
            posts_in_flight,
            max_age: Some(config.engine.max_age).filter(|age| !age.is_zero()),
            drain_deadline: config.engine.drain_deadline,
            state: Some(config.engine.state_folder()),
            progress: Some(config.telemetry.progress).filter(|every| !every.is_zero()),
        }
    }
}

/// What went through the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Records read.
    pub posts_in: u64,
    /// Annotations delivered.
    pub annotations: u64,
    /// Dead letters delivered.
    pub dead_letters: u64,
    /// Records read whose offsets were not committed: they will be read again.
    pub uncommitted: usize,
}

/// Why the engine could not begin or go on.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the part it names")]
pub enum EngineError {
    #[error(transparent)]
    Attempts(#[from] AttemptsError),
    #[error("the reading of posts failed")]
    Ingest(#[source] IngestError),
    #[error("the writing of annotations failed")]
    Publish(#[source] PublishError),
    #[error("a post's task ended before its time")]
    PostPanicked(#[source] JoinError),
    #[error("the reading thread ended without a word: it panicked")]
    ReaderPanicked,
}

/// Runs posts through `annotate` until `stop` is cancelled and what was begun is done, or the deadline has passed.
///
/// # Errors
/// Settings that the client refuses, a client that is broken for good, last offsets that could not be committed.
pub async fn run<A, F>(
    settings: Settings,
    (metrics, health): (Arc<Metrics>, Arc<Health>),
    annotate: A,
    stop: CancellationToken,
) -> Result<Summary, EngineError>
where
    A: Fn(Bytes) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Annotated, Rejection>> + Send,
{
    // A child: what fails in here stops the engine, not the process around it.
    let stop = stop.child_token();
    let abort = CancellationToken::new();
    let max_posts = settings.ingest.max_posts.get();
    let attempts = match &settings.state {
        Some(folder) => Attempts::open(folder, &settings.ingest.group)?,
        None => Attempts::default(),
    };
    let attempts = Arc::new(attempts);
    let watch = ingest::IngestControl {
        metrics: metrics.clone(),
        health: health.clone(),
        stop: stop.clone(),
        abort: abort.clone(),
    };
    let topics = Topics {
        input: settings.ingest.topic.clone(),
        output: settings.publish.topic.clone(),
        dead_letters: settings.publish.dead_letter_topic.clone(),
    };
    let counted = Arc::clone(&metrics);
    let limits = (settings.posts_in_flight, settings.max_age, settings.ingest.tombstones);
    let reading = ingest::start(settings.ingest, watch).map_err(EngineError::Ingest)?;
    let (told, underway) = (Arc::clone(&health), metrics.work_progress().clone());
    let publisher = Publisher::new(
        &settings.publish,
        &settings.provenance,
        (reading.settled, reading.membership),
        (metrics, health),
    )
    .map_err(EngineError::Publish)
    .inspect_err(|_| stop.cancel())?;
    let (send, outcomes) = mpsc::channel(max_posts);
    let with = (send, Arc::clone(&attempts), underway);

    let driving = async {
        let driven = tokio::select! {
            driven = drive(reading.records, annotate, with, limits) => driven,
            () = abort.cancelled() => {
                warn!("posts that were worked on are given up");
                Ok(())
            }
        };
        if driven.is_err() {
            // A ticket is lost: nobody need wait for it.
            stop.cancel();
            abort.cancel();
        }
        driven
    };
    let writing = async {
        let published = publisher.run(outcomes, abort.clone()).await;
        // Where writing fails, reading must end too.
        stop.cancel();
        published
    };
    let deadline = async {
        stop.cancelled().await;
        // An engine that is stopped because it stands still may well do so because of a post.
        let mark = async {
            if told.alive(Instant::now()).is_ok() {
                attempts.stopping().await;
            }
            std::future::pending::<()>().await;
        };
        // A disk that hangs does not delay the deadline.
        tokio::select! {
            () = mark => unreachable!("it never ends"),
            () = tokio::time::sleep(settings.drain_deadline) => {}
        }
        let deadline_seconds = settings.drain_deadline.as_secs_f64();
        warn!(deadline_seconds, "the drain takes too long and is cut short");
        abort.cancel();
        std::future::pending::<()>().await;
    };
    let (driven, published, consumed) = tokio::select! {
        ended = async { tokio::join!(driving, writing, reading.ended) } => ended,
        () = deadline => unreachable!("it never ends"),
        () = report(&counted, &topics, settings.progress) => unreachable!("it never ends"),
    };
    summarise(counted.letter_log().last_unnamed());
    driven.map_err(EngineError::PostPanicked)?;
    let published = published.map_err(EngineError::Publish)?;
    let consumed = consumed.map_err(|_| EngineError::ReaderPanicked)?.map_err(EngineError::Ingest)?;
    let summary = Summary {
        posts_in: consumed.records,
        annotations: published.annotations,
        dead_letters: published.dead_letters,
        uncommitted: consumed.uncommitted,
    };
    let Summary { posts_in, annotations, dead_letters, uncommitted } = summary;
    info!(posts_in, annotations, dead_letters, uncommitted, "the engine has ended");
    Ok(summary)
}
