//! Scrape target: the metrics of an engine in the process of the test, served as the binary serves them.

use std::sync::Arc;

use riveg::telemetry::{Health, Metrics, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// The server; it ends when it is dropped.
pub(super) struct ScrapeTarget {
    pub(super) address: String,
    _stop: oneshot::Sender<()>,
    _runtime: Runtime,
}

impl ScrapeTarget {
    pub(super) fn of(metrics: &Arc<Metrics>, health: &Arc<Health>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        metrics.watch_health(health);
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        runtime.spawn(serve(listener, Arc::clone(metrics), Arc::clone(health), shutdown));
        Self { address, _stop: stop, _runtime: runtime }
    }
}
