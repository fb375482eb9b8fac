//! Where are metrics and probes read? `/metrics`, `/livez`, `/readyz`.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;

use super::connections::{self, Limits};
use super::{Health, Metrics};

/// What Prometheus calls its text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers metrics and probes until `shutdown` is done.
///
/// A probe that fails answers 503 with the reason in words.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    shutdown: impl Future<Output = ()>,
) {
    let (live, ready) = (Arc::clone(&health), health);
    let router = Router::new()
        .route("/metrics", get(async move || ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.render())))
        .route("/livez", get(async move || probe(live.alive(Instant::now()), "")))
        .route("/readyz", get(async move || probe(ready.ready(Instant::now()), &ready.notes())));
    connections::answer(listener, router, Limits::default(), shutdown).await;
}

fn probe(verdict: Result<(), String>, notes: &str) -> (StatusCode, String) {
    match verdict {
        Ok(()) if notes.is_empty() => (StatusCode::OK, "ok".to_owned()),
        Ok(()) => (StatusCode::OK, format!("ok, though {notes}")),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    async fn get(address: SocketAddr, path: &'static str) -> String {
        let ask = move || {
            let mut stream = TcpStream::connect(address)?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: riveg\r\nConnection: close\r\n\r\n")?;
            let mut response = String::new();
            stream.read_to_string(&mut response)?;
            io::Result::Ok(response)
        };
        tokio::task::spawn_blocking(ask).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn metrics_and_probes_are_answered_over_a_socket_until_the_shutdown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::default()));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, Arc::clone(&metrics), Arc::clone(&health), async {
            let _ = stopped.await;
        }));

        metrics.produced("annotations");
        let page = get(address, "/metrics").await;
        assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
        assert!(page.contains("content-type: text/plain; version=0.0.4"), "{page}");
        assert!(page.contains("\nriveg_records_produced_total{topic=\"annotations\"} 1\n"), "{page}");

        let not_yet = get(address, "/readyz").await;
        assert!(
            not_yet.starts_with("HTTP/1.1 503") && not_yet.contains("the networks are not warm"),
            "{not_yet}"
        );
        health.models_are_warm();
        health.partitions_are_assigned();
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));

        assert!(get(address, "/livez").await.starts_with("HTTP/1.1 200"));
        health.ticked("consumer", Duration::ZERO, Instant::now());
        let still = get(address, "/livez").await;
        assert!(still.starts_with("HTTP/1.1 503") && still.contains("`consumer` has not turned"), "{still}");

        assert!(get(address, "/nothing").await.starts_with("HTTP/1.1 404"));
        stop.send(()).unwrap();
        server.await.unwrap();
        assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    }
}
