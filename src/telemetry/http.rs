//! HTTP server of metrics and probes: `/metrics`, `/livez`, `/readyz`.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpListener;

use super::connections::{self, Limits};
use super::negotiation::{Form, takes_gzip};
use super::{Health, Metrics};

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
        .route("/metrics", get(async move |asked: HeaderMap| page(&metrics, &asked)))
        .route("/livez", get(async move || probe(live.alive(Instant::now()), "")))
        .route("/readyz", get(async move || probe(ready.ready(Instant::now()), &ready.notes())));
    connections::answer(listener, router, Limits::default(), shutdown).await;
}

/// All metrics in the form that the client prefers, compressed where it takes that.
fn page(metrics: &Metrics, asked: &HeaderMap) -> Response {
    let form = Form::preferred(&all_of(asked, header::ACCEPT));
    let text = match form {
        Form::Text => metrics.render(),
        Form::OpenMetrics => metrics.render_open_metrics(),
    };
    let kind = [(header::CONTENT_TYPE, form.content_type()), (header::VARY, "accept, accept-encoding")];
    let is_compressed = takes_gzip(&all_of(asked, header::ACCEPT_ENCODING));
    match is_compressed.then(|| gzip(text.as_bytes())) {
        Some(Ok(bytes)) => (kind, [(header::CONTENT_ENCODING, "gzip")], bytes).into_response(),
        // Writing to memory does not fail; if it did, the text would still be right.
        Some(Err(_)) | None => (kind, text).into_response(),
    }
}

/// A header that may be sent in several lines.
fn all_of(headers: &HeaderMap, name: HeaderName) -> String {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    lines.join(",")
}

/// The quickest setting: metrics are names over and over, which the best one makes hardly smaller.
fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
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
    use std::io::Read;
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    async fn get(address: SocketAddr, path: &'static str) -> String {
        String::from_utf8(get_with(address, path, "").await).unwrap()
    }

    /// The response to a request with further lines in its head.
    async fn get_with(address: SocketAddr, path: &'static str, lines: &'static str) -> Vec<u8> {
        let ask = move || {
            let mut stream = TcpStream::connect(address)?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: riveg\r\n{lines}Connection: close\r\n\r\n")?;
            let mut response = Vec::new();
            stream.read_to_end(&mut response)?;
            io::Result::Ok(response)
        };
        tokio::task::spawn_blocking(ask).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn metrics_come_in_the_form_that_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::default()));
        metrics.produced("annotations", 7);
        tokio::spawn(serve(listener, metrics, health, std::future::pending()));

        let asked = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
        let open = String::from_utf8(get_with(address, "/metrics", asked).await).unwrap();
        assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0"), "{open}");
        assert!(open.contains("\n# TYPE riveg_records_produced counter\n"), "{open}");
        assert!(open.ends_with("\n# EOF\n"), "{open}");

        let zipped = get_with(address, "/metrics", "Accept-Encoding: gzip\r\n").await;
        let body = zipped.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&zipped[..body]);
        assert!(
            head.contains("content-encoding: gzip") && head.contains("text/plain; version=0.0.4"),
            "{head}"
        );
        let mut text = String::new();
        flate2::read::GzDecoder::new(&zipped[body..]).read_to_string(&mut text).unwrap();
        assert!(text.contains("\nriveg_produced_bytes_total{topic=\"annotations\"} 7\n"), "{text}");
        assert!(zipped.len() < text.len() / 4, "{} of {}", zipped.len(), text.len());
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

        metrics.produced("annotations", 7);
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
