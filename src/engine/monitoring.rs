//! Monitoring: metrics and health of one engine, and the HTTP server that answers scrapes and probes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::info;

use super::Config;
use crate::domain::RejectionClass;
use crate::telemetry::traces::TracerError;
use crate::telemetry::{self, Health, Metrics, StallLimits};

/// Metrics and health of one engine. The HTTP server stops when this is dropped.
pub struct Monitoring {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    address: Option<SocketAddr>,
    _stop_server: DropGuard,
}

/// Metrics or traces cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum MonitoringError {
    /// The address of metrics and probes cannot be bound.
    #[error("cannot listen at telemetry.address `{address}`")]
    Bind {
        /// The address.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// Spans cannot be sent.
    #[error(transparent)]
    Tracer(#[from] TracerError),
}

impl Monitoring {
    /// Starts the HTTP server. Start it before the networks load, so that a probe learns that they warm up.
    ///
    /// # Errors
    /// The address of the settings cannot be bound, or spans cannot be sent.
    pub async fn start(config: &Config) -> Result<Self, MonitoringError> {
        let metrics = Arc::new(Metrics::new());
        metrics.tracing().start(&config.telemetry.traces)?;
        let limits = StallLimits { ready: config.engine.stall_unready, alive: config.engine.stall_dead };
        let health = Arc::new(Health::watching(metrics.work_progress().clone(), limits));
        metrics.watch_health(&health);
        metrics.runs_on(&config.device.name.to_string());
        // Counters exist from the start, with the value 0, so that a rate of the first event is not lost.
        for name in config.endpoints_in_use().keys() {
            let _created = metrics.llm(name);
        }
        metrics.declare_dead_letters(&RejectionClass::ALL.map(RejectionClass::as_str), &[]);
        metrics.declare_output_topics(&[&config.publish.dead_letter_topic]);
        for (name, output) in config.publish.all_outputs() {
            metrics.declare_output_topics(&[&output.topic]);
            metrics.outputs().declare(name);
        }
        let stop_server = CancellationToken::new();
        let address = listen(&config.telemetry.address, &metrics, &health, stop_server.clone()).await?;
        Ok(Self { metrics, health, address, _stop_server: stop_server.drop_guard() })
    }

    /// The metrics, to be given to an annotator.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The health that probes report.
    #[must_use]
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Sends the last spans, within some seconds. Call it when all posts are done.
    pub async fn close(&self) {
        self.metrics.tracing().tracer().close().await;
    }

    /// The bound address; none where the settings name none.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

async fn listen(
    address: &str,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    stop: CancellationToken,
) -> Result<Option<SocketAddr>, MonitoringError> {
    if address.is_empty() {
        return Ok(None);
    }
    let error = |source| MonitoringError::Bind { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    info!(address = %bound, "metrics and probes are served");
    let serving = telemetry::serve(listener, Arc::clone(metrics), Arc::clone(health), stop.cancelled_owned());
    tokio::spawn(serving);
    Ok(Some(bound))
}
