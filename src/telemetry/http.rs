//! Where are metrics and probes read? `/metrics`, `/livez`, `/readyz`.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::{Health, Metrics};

/// What Prometheus calls its text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers metrics and probes until `shutdown` is done.
///
/// A probe that fails answers 503 with the reason in words.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (live, ready) = (Arc::clone(&health), health);
    let router = Router::new()
        .route("/metrics", get(async move || ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.render())))
        .route("/livez", get(async move || probe(live.alive(Instant::now()))))
        .route("/readyz", get(async move || probe(ready.ready())));
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

fn probe(verdict: Result<(), String>) -> impl IntoResponse {
    match verdict {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}
