//! What makes a bundle a service? The engine between its topics, and metrics and probes beside it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::info;

use crate::config::Config;
use crate::domain::RejectionClass;
use crate::engine::{self, Settings, Summary};
use crate::scheduler::ModelError;
use crate::telemetry::{self, Health, Metrics, Patience};

use super::Failure;
use super::running::Running;

/// Metrics and health of one engine, answered over HTTP for as long as this is held.
pub(super) struct Watched {
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Arc<Health>,
    /// Where; none where the settings name no address.
    pub(super) address: Option<SocketAddr>,
    _served_until: DropGuard,
}

/// Nobody can look at metrics and probes.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at telemetry.address `{address}`")]
pub(super) struct Deaf {
    address: String,
    source: io::Error,
}

/// The networks will not answer again in this process.
#[derive(Debug, thiserror::Error)]
#[error("the device is lost; nothing more is committed, and a new process reads again what was under way")]
struct Lost(#[source] ModelError);

impl Watched {
    /// Begins to answer, so that a probe learns that the networks are still warming up.
    pub(super) async fn begin(config: &Config) -> Result<Self, Deaf> {
        let metrics = Arc::new(Metrics::new());
        let patience = Patience { ready: config.engine.stall_unready, alive: config.engine.stall_dead };
        let health = Arc::new(Health::watching(metrics.work_progress().clone(), patience));
        metrics.watch_health(&health);
        metrics.runs_on(&config.device.name);
        // Their counters are there before the networks are warm and the first question is asked.
        for name in config.endpoints_in_use().keys() {
            let _known = metrics.llm(name);
        }
        metrics.know_dead_letters(&RejectionClass::ALL.map(RejectionClass::as_str), &[]);
        metrics.know_output_topics(&[&config.publish.topic, &config.publish.dead_letter_topic]);
        let ended = CancellationToken::new();
        let address = answer(&config.telemetry.address, &metrics, &health, ended.clone()).await?;
        Ok(Self { metrics, health, address, _served_until: ended.drop_guard() })
    }
}

/// Answers the posts of the input topic until `stop` and what was begun is done, or until the device is lost.
pub(super) async fn serve(
    settings: Settings,
    running: Arc<Running>,
    (metrics, health): (Arc<Metrics>, Arc<Health>),
    stop: CancellationToken,
) -> Result<Summary, Failure> {
    let answering = Arc::clone(&running);
    let annotate = move |record| {
        let running = Arc::clone(&answering);
        async move {
            match running.annotate(record).await {
                Ok(answer) => answer,
                // No fault of the post: it stays unanswered, so that its offset is not committed.
                Err(_lost) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        summary = engine::run(settings, (metrics, Arc::clone(&health)), annotate, stop.clone()) => Ok(summary?),
        lost = running.lost() => {
            health.is_lost(&lost.to_string());
            stop.cancel();
            Err(Lost(lost).into())
        }
    }
}

/// Answers metrics and probes until `ended`, if there is an address to do it at.
async fn answer(
    address: &str,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    ended: CancellationToken,
) -> Result<Option<SocketAddr>, Deaf> {
    if address.is_empty() {
        return Ok(None);
    }
    let deaf = |source| Deaf { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(deaf)?;
    let bound = listener.local_addr().map_err(deaf)?;
    info!(address = %bound, "metrics and probes are served");
    let serving =
        telemetry::serve(listener, Arc::clone(metrics), Arc::clone(health), ended.cancelled_owned());
    tokio::spawn(serving);
    Ok(Some(bound))
}
