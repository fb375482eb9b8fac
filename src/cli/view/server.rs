//! Server of the page: its address, its connections and its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::feed::Feed;
use super::router::router;
use super::service::{About, Service};
use crate::cli::Failure;
use crate::common::http_server::{self, HEAD, Limits};
use crate::config::Config;

/// How long a browser may take nothing of a stream: longer than a tab that is in the background is held up.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// How long pages have to take the end of their streams.
const END: Duration = Duration::from_secs(1);

/// The server. Dropped, it breaks off all connections.
pub(in crate::cli) struct PageServer {
    address: SocketAddr,
    feed: Arc<Feed>,
    closed: CancellationToken,
    connections: JoinHandle<()>,
}

/// The address of the page cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen at view.address `{address}`; another program may use it: set view.address, such as 127.0.0.1:0 for any free port"
)]
struct PageBindError {
    address: String,
    source: io::Error,
}

impl PageServer {
    /// Listens at the address of the settings.
    pub(super) async fn start(config: &Config, about: &About) -> Result<Self, Failure> {
        let error = |source| PageBindError { address: config.view.address.clone(), source };
        let listener = TcpListener::bind(&config.view.address).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        let closed = CancellationToken::new();
        let service = Arc::new(Service::new(config, about, address.port(), closed.clone())?);
        let limits = Limits {
            head: HEAD,
            write: WRITE_PATIENCE,
            most: config.view.max_connections,
            setting: "view.address",
        };
        let answering = http_server::answer(listener, router(&service), limits, closed.clone());
        let connections = tokio::spawn(answering);
        info!(%address, "the page is served");
        Ok(Self { address, feed: Arc::clone(&service.feed), closed, connections })
    }

    /// Where to look.
    pub(in crate::cli) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Cancelled at the end of the server: what writes to its window ends with it.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Ends the streams and the connections.
    pub(in crate::cli) async fn end(mut self) {
        self.closed.cancel();
        // Connections that do not end by themselves are broken off.
        let _ = timeout(END, &mut self.connections).await;
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        self.closed.cancel();
        self.connections.abort();
    }
}
