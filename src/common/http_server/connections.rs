//! Connections: kept alive between requests, limited in number and in time.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::patient_stream::PatientStream;
use crate::telemetry::{Causes, LogThrottle, concerns_one_connection};

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the head of a request may take, and how long a connection may be idle before it.
    pub head: Duration,
    /// How long a client may take nothing of its answer.
    pub write: Duration,
    /// Limit of concurrent connections.
    pub most: usize,
    /// The setting that has the address, for the log.
    pub setting: &'static str,
}

/// Longer than the pauses between requests of a client with a pool of connections, and half of the time after which most
/// proxies close an idle connection themselves.
pub const HEAD: Duration = Duration::from_secs(30);

/// Limit of a request's head, in bytes: a token and the headers of some proxies. Bodies are read in parts of this size.
const LONGEST_HEAD: usize = 64 * 1024;
/// The pause after a connection that could not be accepted, such as for want of descriptors: some come back meanwhile.
const AFTER_FAULT: Duration = Duration::from_millis(100);
/// Time between warnings that connections cannot be accepted.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// Answers connections until `closed` is cancelled, and then the requests that have begun. At the limit, further
/// connections wait until one ends. Dropped, all connections are broken off.
pub async fn answer(listener: TcpListener, router: Router, limits: Limits, closed: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.most));
    let mut connections = JoinSet::new();
    let mut unsaid = LogThrottle::new(SAY_EVERY);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = closed.cancelled() => break,
        };
        // Those that have ended; a panic has been logged.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let serving = serve(stream, router.clone(), limits, closed.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                if unsaid.is_due(Instant::now()) {
                    warn!(error = %Causes(&error), address = limits.setting, "a connection was not accepted");
                }
                sleep(AFTER_FAULT).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, router: Router, limits: Limits, closed: CancellationToken) {
    // Small answers are not held back for further ones.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(
            TokioIo::new(PatientStream::new(stream, limits.write)),
            TowerToHyperService::new(router),
        );
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closed.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(error = %Causes(&error), address = limits.setting, "a connection was broken off");
    }
}
