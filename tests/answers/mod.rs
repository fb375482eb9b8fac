//! Answer store: with a real Redis, several replicas, killed processes, and the command `riveg cache`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use riveg::common::secret::Secret;
use riveg::llm::answers::{Address, AnswerCache, AnswerRequest, Config, Kind, NewAnswer, Validator};
use riveg::telemetry::Metrics;

mod command;
mod faults;
mod killed;
mod planted;
mod replicas;

/// The answer store of one engine.
struct Replica {
    answers: AnswerCache,
    metrics: Metrics,
}

impl Replica {
    async fn open(config: &Config) -> Self {
        let metrics = Metrics::new();
        Self { answers: AnswerCache::open(config, metrics.answers()).await.unwrap(), metrics }
    }

    /// Asks a question. `calls` counts how often its answer is made.
    async fn ask(&self, question: &AnswerRequest, calls: &Arc<AtomicUsize>) -> String {
        let (calls, text) = (Arc::clone(calls), format!("answer to {}", question.subject));
        let make = move || async move {
            calls.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, ()>(NewAnswer { text: Some(text), ..NewAnswer::default() })
        };
        self.answers.get_or_ask(question, make).await.unwrap().unwrap().to_string()
    }

    /// The value of a metric, or 0 if it does not exist yet.
    fn count(&self, metric: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(metric)?.trim().parse().ok());
        line.unwrap_or(0)
    }
}

/// Longer than any test: nothing that a test waits for may depend on it.
const LONG: Duration = Duration::from_secs(3600);

fn config(redis: &str, file: Option<&Path>) -> Config {
    Config {
        memory: ByteSize::mib(4),
        disk_path: file.map_or_else(|| "none".into(), Into::into),
        disk: ByteSize::mib(64),
        redis: Address::from(redis),
        redis_prefix: "tests".to_owned(),
        secret: Secret::default(),
        redis_timeout: Duration::from_secs(30),
        lease: Duration::from_secs(600),
        purge_poll: LONG,
        ttl: LONG,
        ttl_jitter: 0.1,
        negative_ttl: LONG,
        stale_for: LONG,
        renewals: 4,
    }
}

fn asked(number: usize) -> AnswerRequest {
    AnswerRequest {
        kind: Kind::Expansion,
        key: *blake3::hash(&number.to_le_bytes()).as_bytes(),
        subject: format!("subject {number}"),
        model: "m".to_owned(),
        validator: Validator::new(|words| Some(words.to_owned())),
        wait: LONG,
    }
}

/// The key of that question in Redis.
fn key(question: &AnswerRequest) -> String {
    format!("tests:1:expansion:{}", blake3::Hash::from_bytes(question.key).to_hex())
}

/// The number of keys in Redis.
fn size(client: &mut redis::Connection) -> u64 {
    redis::cmd("DBSIZE").query(client).unwrap()
}
