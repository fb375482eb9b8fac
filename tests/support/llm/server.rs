//! Fake server of language models. A server on a thread of its own, for tests with a runtime and without.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, Response, header};
use axum::routing::{get, post};
use tokio::sync::{oneshot, watch};

use super::asked::Asked;
use super::cut::{Cord, Cuttable};
use super::reply::Reply;

/// A running server; it ends when it is dropped.
pub(crate) struct LlmServer {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the server shares with its handlers.
struct Seen {
    answer: Box<dyn Fn(&Asked) -> Reply + Send + Sync>,
    models: Mutex<Reply>,
    tally: watch::Sender<Tally>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    asked: usize,
    at_once: usize,
    most_at_once: usize,
}

/// A question that is being answered; it is not any more when this is dropped, by whomever.
struct UnderWay<'a>(&'a Seen);

impl<'a> UnderWay<'a> {
    fn begin(seen: &'a Seen) -> Self {
        seen.tally.send_modify(|tally| {
            tally.asked += 1;
            tally.at_once += 1;
            tally.most_at_once = tally.most_at_once.max(tally.at_once);
        });
        Self(seen)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.tally.send_modify(|tally| tally.at_once -= 1);
    }
}

impl LlmServer {
    /// A server on a free port of this machine that answers so.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let address = listener.local_addr().expect("an address");
        let models = Reply::Bytes(b"{\"object\": \"list\", \"data\": []}".to_vec());
        let seen = Arc::new(Seen {
            answer: Box::new(answer),
            models: Mutex::new(models),
            tally: watch::channel(Tally::default()).0,
        });
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let routes = Router::new()
                    .route("/v1/chat/completions", post(complete))
                    .route("/v1/models", get(models_of))
                    .layer(DefaultBodyLimit::disable())
                    .with_state(shared)
                    .into_make_service_with_connect_info::<Cord>();
                tokio::select! {
                    served = axum::serve(Cuttable(listener), routes).into_future() => {
                        served.expect("a server serves until it is stopped");
                    }
                    // Whoever is still waiting is cut off with the runtime.
                    _ = stopped => {}
                }
            });
        });
        Self { address, seen, stop: Some(stop), thread: Some(thread) }
    }

    /// Where the API begins.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What is answered from now on when its models are asked for.
    pub(crate) fn list_models(&self, reply: Reply) {
        *self.seen.models.lock().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// How many questions have come so far, whatever became of them.
    pub(crate) fn asked(&self) -> usize {
        self.seen.tally.borrow().asked
    }

    /// How many were under way at one time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.seen.tally.borrow().most_at_once
    }

    /// Waits until so many have come.
    pub(crate) async fn until_asked(&self, count: usize) {
        let mut tally = self.seen.tally.subscribe();
        tally.wait_for(|tally| tally.asked >= count).await.expect("the server has not ended");
    }
}

impl Drop for LlmServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What it panicked about was said when it did.
            let _ = thread.join();
        }
    }
}

async fn complete(
    State(seen): State<Arc<Seen>>,
    ConnectInfo(cord): ConnectInfo<Cord>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let _under_way = UnderWay::begin(&seen);
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let asked = Asked::read(&body, authorization);
    (seen.answer)(&asked).given(&asked.model, &cord).await
}

async fn models_of(State(seen): State<Arc<Seen>>, ConnectInfo(cord): ConnectInfo<Cord>) -> Response<Body> {
    let reply = seen.models.lock().unwrap_or_else(PoisonError::into_inner).clone();
    reply.given("", &cord).await
}
