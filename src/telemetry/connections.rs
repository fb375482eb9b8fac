//! HTTP connections of metrics and probes: limited in number and time, because any client that reaches the port can
//! open connections and send nothing.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::{Causes, LogThrottle};

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Timeout of the request.
    pub(super) head: Duration,
    /// Timeout of request and response together.
    pub(super) whole: Duration,
    /// Limit of concurrent connections.
    pub(super) most: usize,
}

impl Default for Limits {
    /// Prometheus gives a scrape 10 s, a kubelet gives a probe 1 s; 64 connections are dozens more than they have, and
    /// few among the 1,024 descriptors that a process has by default.
    fn default() -> Self {
        Self { head: Duration::from_secs(5), whole: Duration::from_secs(10), most: 64 }
    }
}

/// Limit of a request's head, in bytes: a probe's has 200.
const LONGEST_HEAD: usize = 16 * 1024;
/// The pause after a connection that could not be accepted, such as for want of descriptors: some come back meanwhile.
const AFTER_FAULT: Duration = Duration::from_millis(100);
/// Time between warnings that connections cannot be accepted.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// Answers connections until `shutdown` is done, and then those that are there.
///
/// At the limit the oldest connection is closed for the next: a probe always connects.
pub(super) async fn answer(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let mut connections: VecDeque<JoinHandle<()>> = VecDeque::new();
    let mut unsaid = LogThrottle::new(SAY_EVERY);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.retain(|connection| !connection.is_finished());
                if connections.len() >= limits.most
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                    // Its descriptor is free when it has ended, however that was.
                    let _ = oldest.await;
                }
                connections.push_back(tokio::spawn(serve(stream, router.clone(), limits)));
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                if unsaid.is_due(Instant::now()) {
                    warn!(error = %Causes(&error), "a connection to telemetry.address was not accepted");
                }
                sleep(AFTER_FAULT).await;
            }
        }
    }
    drop(listener);
    for connection in connections {
        // A panic has been logged.
        let _ = connection.await;
    }
}

/// Serves one request: connections that stay open would occupy places.
async fn serve(stream: TcpStream, router: Router, limits: Limits) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .keep_alive(false)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(limits.whole, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(error = %Causes(&error), "a connection to telemetry.address was broken off"),
        Err(_) => debug!("a connection to telemetry.address took too long"),
    }
}

/// Whether a fault of accepting concerns only that connection.
#[must_use]
pub fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::SocketAddr;

    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures_util::stream;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    /// A server within these limits that never stops; where it is.
    async fn serving(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endless = || Body::from_stream(stream::pending::<Result<Bytes, io::Error>>());
        let router =
            Router::new().route("/livez", get(async || "ok")).route("/endless", get(async move || endless()));
        tokio::spawn(answer(listener, router, limits, std::future::pending()));
        address
    }

    fn request(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: riveg\r\n\r\n")
    }

    /// Whether the server still waits for the rest of the request.
    fn is_open(stream: &std::net::TcpStream) -> bool {
        stream.set_nonblocking(true).unwrap();
        stream.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn connected(address: SocketAddr, said: &str) -> std::net::TcpStream {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    }

    /// All that comes until the connection ends, however that is.
    fn until_closed(mut stream: std::net::TcpStream) -> String {
        let mut said = Vec::new();
        let mut some = [0; 1 << 16];
        loop {
            match stream.read(&mut some) {
                Ok(0) => break,
                Ok(count) => said.extend_from_slice(&some[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("it is not closed: {error}"),
            }
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    #[tokio::test]
    async fn requests_that_do_not_come_to_an_end_are_closed() {
        let address = serving(Limits { head: SHORT, whole: LONG, most: 1000 }).await;
        let answers = beside(move || {
            let half = |number| if number % 2 == 0 { "GET /livez HTTP/1.1\r\nHost: " } else { "" };
            let streams: Vec<_> = (0..300).map(|number| connected(address, half(number))).collect();
            streams.into_iter().map(until_closed).collect::<Vec<_>>()
        });
        assert!(answers.await.iter().all(|answer| !answer.contains("200")));
    }

    #[tokio::test]
    async fn a_connection_has_one_request_and_its_time() {
        let address = serving(Limits { head: LONG, whole: SHORT, most: 1000 }).await;
        let endless = beside(move || until_closed(connected(address, &request("/endless")))).await;
        assert!(endless.starts_with("HTTP/1.1 200 OK"), "{endless}");
        let answered = beside(move || until_closed(connected(address, &request("/livez").repeat(2)))).await;
        assert_eq!(answered.matches("HTTP/1.1 200 OK").count(), 1, "{answered}");
    }

    #[tokio::test]
    async fn a_probe_gets_in_however_many_connections_there_are() {
        let address = serving(Limits { head: LONG, whole: LONG, most: 8 }).await;
        let idle = beside(move || (0..100).map(|_| connected(address, "GET /")).collect::<Vec<_>>()).await;
        let answer = beside(move || until_closed(connected(address, &request("/livez")))).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let mut idle = idle.into_iter();
        let oldest: Vec<_> = idle.by_ref().take(93).collect();
        assert!(beside(move || oldest.into_iter().all(|stream| until_closed(stream).is_empty())).await);
        let left = beside(move || idle.filter(is_open).count()).await;
        assert_eq!(left, 7, "the probe took the place of one alone");
    }
}
