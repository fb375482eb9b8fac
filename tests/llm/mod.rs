//! The client of language models against a server that does as it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use riveg::llm::client::{Config, Endpoint, Question};
use riveg::telemetry::Metrics;
use tokio::sync::oneshot;

use crate::support::WITHIN;
use crate::support::llm::LlmServer;

mod breaker;
mod faults;
mod pocket;
mod questions;
mod secrecy;
mod structured;
mod turns;
pub(crate) mod wrong_answers;

/// Settings under which nothing is tried again, and times never end a test that passes.
fn config(server: &LlmServer) -> Config {
    let long = Duration::from_secs(7200);
    Config {
        url: server.url(),
        model: "small".to_owned(),
        retries: 0,
        backoff: Duration::from_millis(1),
        connect_timeout: long,
        timeout: long,
        patience: 2 * long,
        breaker_failures: 1000,
        max_answer: ByteSize::kib(64),
        ..Config::default()
    }
}

fn endpoint(config: &Config) -> (Endpoint, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    (Endpoint::new("test", config, metrics.llm("test")).unwrap(), metrics)
}

fn question(prompt: &str) -> Question {
    Question { prompt: prompt.to_owned(), ..Question::default() }
}

/// Whether the metrics of the endpoint `test` count so much under that name, and under that label if any.
fn counts(metrics: &Metrics, name: &str, label: &str, value: u64) -> bool {
    let mut labels = vec!["endpoint=\"test\"", label];
    labels.retain(|label| !label.is_empty());
    labels.sort_unstable();
    metrics.render().contains(&format!("\nriveg_llm_{name}{{{}}} {value}\n", labels.join(",")))
}

/// Waits for a condition, while all else goes on; for tests whose clock stands still, too.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// A paused clock jumps to the next deadline whenever nothing can be done, also while a server is waited for. It does not
/// while this is held.
struct StandingClock(#[expect(dead_code, reason = "its end is what counts")] oneshot::Sender<()>);

impl StandingClock {
    fn hold() -> Self {
        let (held, released) = oneshot::channel::<()>();
        // Tokio's clock waits for blocking work.
        drop(tokio::task::spawn_blocking(move || released.blocking_recv()));
        Self(held)
    }
}
