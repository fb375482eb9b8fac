//! Tests of the client of language models, against a scripted server.

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

/// Settings without retries, and with limits that a passing test never reaches.
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

/// Whether a metric of the endpoint `test` has this value, under this label if one is given.
fn counts(metrics: &Metrics, name: &str, label: &str, value: u64) -> bool {
    let mut labels = vec!["endpoint=\"test\"", label];
    labels.retain(|label| !label.is_empty());
    labels.sort_unstable();
    metrics.render().contains(&format!("\nriveg_llm_{name}{{{}}} {value}\n", labels.join(",")))
}

/// Waits for a condition while other tasks run, also under a paused clock.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// Holds a paused clock, which otherwise jumps to the next deadline whenever nothing can run, also while a server works.
struct StandingClock(#[expect(dead_code, reason = "its end is what counts")] oneshot::Sender<()>);

impl StandingClock {
    fn hold() -> Self {
        let (held, released) = oneshot::channel::<()>();
        // Tokio's paused clock does not jump during blocking work.
        drop(tokio::task::spawn_blocking(move || released.blocking_recv()));
        Self(held)
    }
}
