//! Stream: records from Kafka, through one asynchronous function for each post, back to Kafka.
//!
//! Shutdown follows the flow: the stop signal reaches only the reader; each closed channel ends the next part, and the
//! reader commits and leaves its group when the last tickets are returned. A deadline limits the whole drain.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::engine::EventAnswer;
use crate::input::formats::InputRecord;
use crate::kafka::attempts::{Attempts, AttemptsError};
use crate::kafka::ingest::{self, IngestError};
use crate::kafka::publish::{PublishError, Publisher};
use crate::telemetry::{Health, Metrics};

mod drive;
mod progress;
mod settings;

pub use settings::Settings;

use drive::drive;
use progress::{Topics, report, summarise};

/// Totals of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Records read.
    pub posts_in: u64,
    /// Annotations delivered.
    pub annotations: u64,
    /// Dead letters delivered.
    pub dead_letters: u64,
    /// Records whose offsets were not committed: they are read again.
    pub uncommitted: usize,
}

/// Faults that keep the engine from starting or continuing.
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

/// Runs records through `annotate`, which answers everything that a record says, until `stop` is cancelled and all posts in flight are done, or the deadline has
/// passed.
///
/// # Errors
/// If librdkafka refuses the settings, a client fails permanently, or the last offsets cannot be committed.
pub async fn run<A, F>(
    settings: Settings,
    (metrics, health): (Arc<Metrics>, Arc<Health>),
    annotate: A,
    stop: CancellationToken,
) -> Result<Summary, EngineError>
where
    A: Fn(InputRecord) -> F + Send + Sync + 'static,
    F: Future<Output = Vec<EventAnswer>> + Send,
{
    // A child token: a fault in here stops the engine, not the process around it.
    let stop = stop.child_token();
    let abort = CancellationToken::new();
    let max_posts = settings.max_posts();
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
        output: settings.publish.topic.clone(),
        dead_letters: settings.publish.dead_letter_topic.clone(),
    };
    let counted = Arc::clone(&metrics);
    let max_age = Some(settings.engine.max_age).filter(|age| !age.is_zero());
    let progress = Some(settings.telemetry.progress).filter(|every| !every.is_zero());
    let limits = (settings.posts_in_flight(), max_age, settings.ingest.tombstones);
    let (offsets_by, delivery) = (settings.offsets_by(), settings.delivery());
    let topic = settings.ingest.topic.without(settings.publish.topics());
    let input = ingest::Config { topic, ..settings.ingest };
    let reading =
        ingest::start(&settings.kafka, input, (max_posts, offsets_by), watch).map_err(EngineError::Ingest)?;
    let (told, underway) = (Arc::clone(&health), metrics.work_progress().clone());
    let publisher = Publisher::new(
        &settings.kafka,
        &settings.publish,
        (&delivery, max_posts, (&settings.provenance, &settings.names, &settings.schemas)),
        (reading.settled, reading.membership),
        (metrics, health),
    )
    .map_err(EngineError::Publish)
    .inspect_err(|_| stop.cancel())?;
    let (send, outcomes) = mpsc::channel(max_posts.get());
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
            // A ticket is lost: waiting for it would not end.
            stop.cancel();
            abort.cancel();
        }
        driven
    };
    // On a thread of its own: beside the starting of posts it would be what limits the rate.
    let mut writer = JoinSet::new();
    let (writing_ended, writing_aborted) = (stop.clone(), abort.clone());
    writer.spawn(async move {
        let published = publisher.run(outcomes, writing_aborted).await;
        // If writing fails, reading must end too.
        writing_ended.cancel();
        published
    });
    let writing = async {
        match writer.join_next().await {
            Some(Ok(published)) => published,
            Some(Err(ended)) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => unreachable!("nobody cancels it: {cancelled}"),
            },
            None => unreachable!("it was started above"),
        }
    };
    let deadline = async {
        stop.cancelled().await;
        // If the engine is stopped for lack of progress, one of its posts may be the cause, and stays a suspect.
        let mark = async {
            if told.alive(Instant::now()).is_ok() {
                attempts.stopping().await;
            }
            std::future::pending::<()>().await;
        };
        // A disk that hangs does not delay the deadline.
        tokio::select! {
            () = mark => unreachable!("it never ends"),
            () = tokio::time::sleep(settings.engine.drain_deadline) => {}
        }
        let deadline_seconds = settings.engine.drain_deadline.as_secs_f64();
        warn!(deadline_seconds, "the drain takes too long and is cut short");
        abort.cancel();
        std::future::pending::<()>().await;
    };
    let (driven, published, consumed) = tokio::select! {
        ended = async { tokio::join!(driving, writing, reading.ended) } => ended,
        () = deadline => unreachable!("it never ends"),
        () = report(&counted, &topics, progress) => unreachable!("it never ends"),
    };
    summarise(counted.dead_letter_log().take_all_suppressed());
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
