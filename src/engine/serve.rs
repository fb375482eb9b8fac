//! Service: the annotator between its Kafka topics, or behind HTTP alone, with health, until it is stopped or its device
//! is lost.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Config;
use crate::common::registry::subjects::SubjectError;
use crate::kafka::publish::SchemaIds;
use crate::scheduler::ModelError;

use super::annotator::Annotator;
use super::http::HttpServer;
use super::monitoring::Monitoring;
use super::stream::{self, EngineError, Settings, Summary};

/// Why a service ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Reading, annotating or writing failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The schema of an output cannot be used.
    #[error(transparent)]
    Schema(#[from] SubjectError),
    /// The networks will not answer again in this process.
    #[error(
        "the device is lost; nothing more is committed, and a new process reads again what was under way"
    )]
    DeviceLost(#[source] ModelError),
}

/// Annotates the posts of the input topic, and those of `http` if there is a server, until `stop` is cancelled and the
/// posts in flight are done.
///
/// Probes report the language models that do not answer. The cache of answers is closed at the end.
///
/// # Errors
/// Kafka failed for good, or the device is lost.
pub async fn serve(
    config: &Config,
    annotator: Arc<Annotator>,
    (monitoring, http): (&Monitoring, Option<HttpServer>),
    stop: CancellationToken,
) -> Result<Summary, ServeError> {
    let endpoints = annotator.endpoints().clone();
    tokio::spawn(endpoints.clone().watch(config.clone(), Arc::clone(monitoring.health()), stop.clone()));
    let answering = async {
        until_drained(http, config, &annotator, stop.clone()).await;
        Ok(())
    };
    let reading = annotate_topic(config, Arc::clone(&annotator), monitoring, stop.clone());
    // A fault of either breaks off the other.
    let (summary, ()) = tokio::try_join!(reading, answering)?;
    endpoints.close().await;
    Ok(summary)
}

/// Annotates the posts that come over HTTP until `stop` is cancelled and those in flight are done. As [`serve`], without
/// Kafka.
///
/// # Errors
/// The device is lost.
pub async fn serve_http(
    config: &Config,
    annotator: Arc<Annotator>,
    (monitoring, http): (&Monitoring, HttpServer),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let health = monitoring.health();
    let endpoints = annotator.endpoints().clone();
    tokio::spawn(endpoints.clone().watch(config.clone(), Arc::clone(health), stop.clone()));
    health.models_are_warm();
    health.reads_no_topic();
    let draining = async {
        stop.cancelled().await;
        health.is_draining();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = until_drained(Some(http), config, &annotator, stop.clone()) => {}
        () = draining => unreachable!("it never ends"),
        lost = annotator.device_lost() => {
            health.is_lost(&lost.to_string());
            stop.cancel();
            return Err(ServeError::DeviceLost(lost));
        }
    }
    endpoints.close().await;
    Ok(())
}

/// Answers posts over HTTP, if there is a server, until `stop` is cancelled and those in flight are done.
async fn until_drained(
    http: Option<HttpServer>,
    config: &Config,
    annotator: &Arc<Annotator>,
    stop: CancellationToken,
) {
    let Some(http) = http else { return };
    http.begin(config, annotator);
    stop.cancelled().await;
    http.drain().await;
}

/// As [`serve`], for a caller that watches and closes the language models itself.
///
/// # Errors
/// As [`serve`].
pub async fn annotate_topic(
    config: &Config,
    annotator: Arc<Annotator>,
    monitoring: &Monitoring,
    stop: CancellationToken,
) -> Result<Summary, ServeError> {
    let (metrics, health) = (Arc::clone(monitoring.metrics()), Arc::clone(monitoring.health()));
    health.models_are_warm();
    // Before the first record is read: a schema that is refused would hold up all that follow.
    let schemas = SchemaIds::register(&config.publish, &config.registry).await?;
    let settings = Settings { schemas, ..Settings::new(config, annotator.bundle().hash()) };
    let worker = Arc::clone(&annotator);
    let annotate = move |record| {
        let annotator = Arc::clone(&worker);
        async move {
            match annotator.answer(record).await {
                Ok(answers) => answers,
                // The post is not at fault. It stays unanswered, so that its offset is not committed.
                Err(_lost) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        summary = stream::run(settings, (metrics, Arc::clone(&health)), annotate, stop.clone()) => Ok(summary?),
        lost = annotator.device_lost() => {
            health.is_lost(&lost.to_string());
            stop.cancel();
            Err(ServeError::DeviceLost(lost))
        }
    }
}
