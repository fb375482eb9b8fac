//! Exporter: sends spans to the collector in batches, with a few retries. What cannot be sent is dropped and counted.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::super::trace_metrics::TraceMetrics;
use super::super::{Causes, LogThrottle};
use super::otlp::{encode, rejected};
use super::span::Span;

/// Spans of one request: about 200 kB.
const MOST_SPANS: usize = 512;

/// The longest wait of a span for others.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Attempts to send a batch. A collector that restarts is back within their waits; meanwhile the queue takes more.
const ATTEMPTS: u32 = 4;

/// Attempts to send a batch once the engine ends: a collector that is busy for a moment costs no spans.
const LAST_ATTEMPTS: u32 = 2;

/// The wait before the second attempt; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest response that is read: a short message in JSON.
const LONGEST_RESPONSE: usize = 64 * 1024;

/// Between two warnings about lost spans.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Sends spans to one collector.
pub(super) struct Exporter {
    client: Client,
    url: Url,
    host: String,
    metrics: TraceMetrics,
    warning: LogThrottle,
}

/// A batch was not taken.
struct Refused {
    why: String,
    may_retry: bool,
}

impl Exporter {
    pub(super) fn new(url: Url, timeout: Duration, metrics: TraceMetrics) -> reqwest::Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("riveg/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(timeout)
            .build()?;
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Ok(Self { client, url, host, metrics, warning: LogThrottle::new(WARN_EVERY) })
    }

    /// Sends what comes until `closing` is cancelled and the queue is empty, or all senders are gone.
    pub(super) async fn run(mut self, mut queue: Receiver<Vec<Span>>, closing: CancellationToken) {
        info!(endpoint = %self.url, "posts are traced");
        let mut ticks = interval(LONGEST_WAIT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting: Vec<Span> = Vec::new();
        loop {
            let is_due = tokio::select! {
                () = closing.cancelled() => break,
                spans = queue.recv() => match spans {
                    Some(spans) => {
                        waiting.extend(spans);
                        waiting.len() >= MOST_SPANS
                    }
                    None => break,
                },
                _ = ticks.tick() => true,
            };
            if is_due && !waiting.is_empty() {
                self.send(std::mem::take(&mut waiting), &closing).await;
            }
        }
        queue.close();
        while let Ok(spans) = queue.try_recv() {
            waiting.extend(spans);
        }
        for batch in waiting.chunks(MOST_SPANS) {
            self.send(batch.to_vec(), &closing).await;
        }
    }

    /// Sends a batch, with retries: fewer of them, and with the first wait alone, once `closing` is cancelled.
    async fn send(&mut self, spans: Vec<Span>, closing: &CancellationToken) {
        let body = encode(&spans, &self.host);
        let mut attempt = 1;
        loop {
            match self.send_once(body.clone()).await {
                Ok(rejected) => {
                    let rejected = usize::try_from(rejected).unwrap_or(usize::MAX).min(spans.len());
                    self.metrics.sent(spans.len() - rejected);
                    self.metrics.dropped(rejected);
                    return;
                }
                Err(Refused { may_retry: true, .. }) if closing.is_cancelled() && attempt < LAST_ATTEMPTS => {
                    sleep(FIRST_WAIT).await;
                    attempt += 1;
                }
                Err(Refused { may_retry: true, .. }) if !closing.is_cancelled() && attempt < ATTEMPTS => {
                    tokio::select! {
                        () = sleep(FIRST_WAIT * 2_u32.pow(attempt - 1)) => {}
                        () = closing.cancelled() => {}
                    }
                    attempt += 1;
                }
                Err(Refused { why, .. }) => {
                    self.metrics.dropped(spans.len());
                    if self.warning.is_due(Instant::now()) {
                        let (endpoint, spans) = (self.url.as_str(), spans.len());
                        warn!(endpoint, spans, why, "spans are lost: the collector does not take them");
                    }
                    return;
                }
            }
        }
    }

    /// The number of spans that the collector rejects of those that it takes.
    async fn send_once(&self, body: Vec<u8>) -> Result<u64, Refused> {
        let broken = |error: reqwest::Error| {
            let why = std::error::Error::source(&error).map(|cause| Causes(cause).to_string());
            Refused { why: why.unwrap_or_else(|| "the connection failed".to_owned()), may_retry: true }
        };
        let json = HeaderValue::from_static("application/json");
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, json).body(body);
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Refused { why: format!("it answers {status}"), may_retry: may_retry(status) });
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if text.len() + chunk.len() > LONGEST_RESPONSE {
                break;
            }
            text.extend_from_slice(&chunk);
        }
        Ok(rejected(&text))
    }
}

/// The statuses that the protocol lets clients retry.
fn may_retry(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}
