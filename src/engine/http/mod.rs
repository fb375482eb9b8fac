//! HTTP: posts of clients without Kafka, `POST /v1/annotate`, answered by the same annotator.
//!
//! Read `annotate` first (a request from its head to its answer), then `admission` (what is refused because there is too
//! much), `work` (the posts of a request, each in a task) and `element` (answers as JSON). What is decided
//! without waiting is in files of its own: `content`, `deadline`, `order`, `retry_after`, `token`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::common::http_server::{self, HEAD, Limits};
use crate::engine::{Annotator, Config};
use crate::telemetry::Metrics;

mod problem;
mod content;
mod deadline;
mod order;
mod retry_after;
mod token;

mod admission;
mod body;
mod element;
mod work;
mod annotate;
mod openapi;
mod service;
mod router;

#[cfg(test)]
mod samples;

use router::router;
use service::{Encoding, Service};

/// The server of posts. Dropped, it breaks off what is not answered.
pub struct HttpServer {
    service: Arc<Service>,
    address: SocketAddr,
    closed: CancellationToken,
    connections: JoinHandle<()>,
    drain_deadline: std::time::Duration,
}

/// The address of posts cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at http.address `{address}`")]
pub struct HttpBindError {
    address: String,
    source: io::Error,
}

impl HttpServer {
    /// Listens at the address of the settings, if they have one. Until [`Self::begin`], posts are answered 503: start it
    /// before the networks load, so that clients learn that they warm up.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn start(config: &Config, metrics: &Metrics) -> Result<Option<Self>, HttpBindError> {
        if !config.http.is_on() {
            return Ok(None);
        }
        let error = |source| HttpBindError { address: config.http.address.clone(), source };
        let listener = TcpListener::bind(&config.http.address).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        let service = Arc::new(Service::new(config, metrics));
        let closed = CancellationToken::new();
        let limits = Limits {
            head: HEAD,
            write: config.http.transfer_timeout,
            most: config.http.max_connections,
            setting: "http.address",
        };
        let answering = http_server::answer(listener, router(&service), limits, closed.clone());
        let connections = tokio::spawn(answering);
        info!(%address, "posts over HTTP are taken once the networks are warm");
        Ok(Some(Self { service, address, closed, connections, drain_deadline: config.engine.drain_deadline }))
    }

    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on posts are answered by this annotator.
    pub fn begin(&self, config: &Config, annotator: &Arc<Annotator>) {
        let encoding = Encoding::new(config, annotator.bundle().hash());
        let annotator = Arc::clone(annotator);
        let annotate = move |record| {
            let annotator = Arc::clone(&annotator);
            async move { annotator.answer(record).await }.boxed()
        };
        self.service.begin(Arc::new(annotate), encoding);
        info!(address = %self.address, "posts over HTTP are taken");
    }

    /// Answers what has begun, refuses what comes meanwhile, and ends; after `engine.drain_deadline` the rest is broken
    /// off.
    pub async fn drain(mut self) {
        let draining = async {
            self.service.admission.drain().await;
            self.closed.cancel();
            // A panic has been logged.
            let _ = (&mut self.connections).await;
        };
        if timeout(self.drain_deadline, draining).await.is_err() {
            let deadline_seconds = self.drain_deadline.as_secs_f64();
            warn!(deadline_seconds, "requests over HTTP are not answered in time and are broken off");
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.connections.abort();
    }
}
