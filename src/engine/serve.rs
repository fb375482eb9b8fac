//! Service: the annotator between its Kafka topics, with health, until it is stopped or its device is lost.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Config;
use crate::scheduler::ModelError;

use super::annotator::Annotator;
use super::monitoring::Monitoring;
use super::stream::{self, EngineError, Settings, Summary};

/// Why a service ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Reading, annotating or writing failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The networks will not answer again in this process.
    #[error(
        "the device is lost; nothing more is committed, and a new process reads again what was under way"
    )]
    DeviceLost(#[source] ModelError),
}

/// Annotates the posts of the input topic until `stop` is cancelled and the posts in flight are done.
///
/// Probes report the language models that do not answer. The cache of answers is closed at the end.
///
/// # Errors
/// Kafka failed for good, or the device is lost.
pub async fn serve(
    config: &Config,
    annotator: Arc<Annotator>,
    monitoring: &Monitoring,
    stop: CancellationToken,
) -> Result<Summary, ServeError> {
    let endpoints = annotator.endpoints().clone();
    tokio::spawn(endpoints.clone().watch(config.clone(), Arc::clone(monitoring.health()), stop.clone()));
    let summary = annotate_topic(config, annotator, monitoring, stop).await?;
    endpoints.close().await;
    Ok(summary)
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
    let settings = Settings::new(config, annotator.bundle().hash());
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
