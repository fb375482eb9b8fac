//! Server of Jetstream's protocol on a local port: events from a cursor on, and faults by plan.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// What happens to one connection.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// The upgrade is answered with this status.
    Refuse(u16),
    /// So many messages are sent, then the connection is cut without a word.
    Cut(usize),
    /// The same, with a frame that says goodbye.
    Close(usize),
    /// The same, and then nothing comes: not even answers to pings.
    Stall(usize),
}

/// A message with the time of its event, in microseconds.
pub(crate) type Timed = (u64, Message);

/// A server until it is dropped. After its plans it serves whole connections.
pub(crate) struct Jetstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    open: watch::Sender<bool>,
    _runtime: Runtime,
}

struct Shared {
    messages: Vec<Timed>,
    plans: Mutex<VecDeque<Plan>>,
    asked: Mutex<Vec<String>>,
    sent: AtomicUsize,
}

impl Jetstream {
    /// A server of these messages in the order of their times.
    pub(crate) fn start(messages: Vec<Timed>, plans: &[Plan]) -> Self {
        let server = Self::start_closed(messages, plans);
        server.open();
        server
    }

    /// The same, but it sends nothing before [`Self::open`].
    pub(crate) fn start_closed(messages: Vec<Timed>, plans: &[Plan]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let shared = Arc::new(Shared {
            messages,
            plans: Mutex::new(plans.iter().cloned().collect()),
            asked: Mutex::default(),
            sent: AtomicUsize::new(0),
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (open, is_open) = watch::channel(false);
        runtime.spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(&shared).serve(stream, is_open.clone()));
                }
            }
        });
        Self { address, shared, open, _runtime: runtime }
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/subscribe", self.address)
    }

    /// The queries of all connections so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Messages that connections took so far.
    pub(crate) fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, stream: TcpStream, mut is_open: watch::Receiver<bool>) {
        let plan = self.plans.lock().unwrap().pop_front();
        let mut query = String::new();
        #[allow(clippy::result_large_err, reason = "the signature is that of the library")]
        let answer = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            query = request.uri().query().unwrap_or_default().to_owned();
            let Some(Plan::Refuse(status)) = plan else { return Ok(response) };
            let mut refusal = ErrorResponse::new(Some("not\u{1b}here".to_owned()));
            *refusal.status_mut() = status.try_into().expect("a status");
            Err(refusal)
        };
        let upgraded = accept_hdr_async(stream, answer).await;
        self.asked.lock().unwrap().push(query.clone());
        let Ok(mut socket) = upgraded else { return };
        let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor=")?.parse().ok());
        let from = cursor.unwrap_or(0);
        // It fails only when the server ends.
        let _ = is_open.wait_for(|is_open| *is_open).await;
        let count = match plan {
            Some(Plan::Cut(count) | Plan::Close(count) | Plan::Stall(count)) => count,
            _ => usize::MAX,
        };
        for (_, message) in self.messages.iter().filter(|(time, _)| *time >= from).take(count) {
            if socket.send(message.clone()).await.is_err() {
                return;
            }
            self.sent.fetch_add(1, Ordering::SeqCst);
        }
        match plan {
            Some(Plan::Cut(_)) => {}
            Some(Plan::Close(_)) => drop(socket.close(None).await),
            // The connection stays open and is not read.
            Some(Plan::Stall(_)) => std::future::pending().await,
            // Reading answers pings.
            _ => while let Some(Ok(_)) = socket.next().await {},
        }
    }
}
