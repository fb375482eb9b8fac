//! Answer cache benchmark: look-ups by tier, and calls for one question from many concurrent callers. Compare within one run.
//!
//! `cargo bench --bench answers [-- REDIS]`, where REDIS is an address such as `redis://127.0.0.1:6379`; without it Redis is
//! skipped. Keys begin with `riveg-bench` and expire within an hour.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use futures_util::future::join_all;
use riveg::common::secret::Secret;
use riveg::llm::answers::{Address, AnswerCache, AnswerRequest, Config, Kind, NewAnswer, Validator};
use riveg::telemetry::Metrics;

/// Concurrent callers of one question.
const STORM: usize = 1000;
/// Distinct questions that are looked up one after another.
const QUESTIONS: usize = 2000;
const HOUR: Duration = Duration::from_secs(3600);

fn main() {
    let redis = std::env::args().skip(1).find(|argument| argument.starts_with("redis"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("the machine has room for threads").block_on(all(redis.unwrap_or_default()));
}

async fn all(redis: String) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let none = || PathBuf::from("none");
    let mut tiers = vec![("memory", none(), ""), ("disk", folder.path().join("answers.redb"), "")];
    if !redis.is_empty() {
        tiers.push(("redis", none(), redis.as_str()));
    }
    println!("{:44}{:>10}{:>14}{:>10}{:>10}", "tier", "calls", "us a lookup", "p99 us", "ratio");
    let mut of_memory = 0.0;
    for (name, file, redis) in tiers {
        let calls = storm(&config(&file, redis, ByteSize::mib(64))).await;
        // An empty memory tier exposes the tier below.
        let kept = if name == "memory" { ByteSize::mib(64) } else { ByteSize(0) };
        let (each, p99, ask) = lookups(&config(&file, redis, kept)).await;
        if name == "memory" {
            of_memory = each;
        }
        println!(
            "{:44}{calls:>10}{each:>14.2}{p99:>10.1}{:>10.1}",
            format!("{name}: {STORM} ask the same; a hit"),
            each / of_memory
        );
        println!("{:44}{:>10}{ask:>14.2}", format!("{name}: a question asked and kept, by itself"), "");
    }
}

fn config(file: &std::path::Path, redis: &str, memory: ByteSize) -> Config {
    Config {
        memory,
        disk_path: file.to_owned(),
        disk: ByteSize::mib(256),
        redis: Address::from(redis),
        redis_prefix: "riveg-bench".to_owned(),
        secret: Secret::default(),
        redis_timeout: Duration::from_secs(5),
        lease: Duration::from_secs(10),
        purge_poll: HOUR,
        ttl: HOUR,
        ttl_jitter: 0.0,
        negative_ttl: HOUR,
        stale_for: Duration::ZERO,
        renewals: 0,
    }
}

/// Different in every run, because keys in Redis outlive it.
fn asked(number: usize, run: u64) -> AnswerRequest {
    let key = *blake3::hash(format!("{number} {run}").as_bytes()).as_bytes();
    AnswerRequest {
        kind: Kind::Expansion,
        key,
        subject: format!("subject {number}"),
        model: "bench".to_owned(),
        validator: Validator::new(|words| Some(words.to_owned())),
        wait: HOUR,
    }
}

async fn answer() -> Result<NewAnswer, ()> {
    Ok(NewAnswer {
        text: Some("A football league in England, shown by its clubs' players on a green pitch.".into()),
        ..NewAnswer::default()
    })
}

async fn open(config: &Config) -> AnswerCache {
    AnswerCache::open(config, Metrics::new().answers()).await.expect("the settings are right")
}

/// Calls for one question from a thousand concurrent callers.
async fn storm(config: &Config) -> usize {
    let (answers, calls, run) = (open(config).await, Arc::new(AtomicUsize::new(0)), rand::random());
    let askers = (0..STORM).map(|_| {
        let (answers, calls) = (answers.clone(), Arc::clone(&calls));
        tokio::spawn(async move {
            let make = move || async move {
                calls.fetch_add(1, Ordering::Relaxed);
                // A fast language model.
                tokio::time::sleep(Duration::from_millis(50)).await;
                answer().await
            };
            answers.get_or_ask(&asked(0, run), make).await
        })
    });
    for asker in join_all(askers).await {
        asker.expect("no asker panics").expect("the maker does not fail");
    }
    answers.close().await;
    calls.load(Ordering::Relaxed)
}

/// Microseconds of a look-up, its 99th percentile, and of a question whose maker takes no time.
async fn lookups(config: &Config) -> (f64, f64, f64) {
    let (answers, run) = (open(config).await, rand::random());
    let questions: Vec<AnswerRequest> = (0..QUESTIONS).map(|number| asked(number, run)).collect();
    let begun = Instant::now();
    for question in &questions {
        answers.get_or_ask(question, answer).await.expect("the maker does not fail");
    }
    let ask = begun.elapsed().as_secs_f64() * 1e6 / QUESTIONS as f64;
    let mut micros = Vec::with_capacity(QUESTIONS);
    for question in &questions {
        let begun = Instant::now();
        let never = || async { Err::<NewAnswer, _>("an answer was lost") };
        answers.get_or_ask(question, never).await.expect("all are kept");
        micros.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    answers.close().await;
    micros.sort_by(f64::total_cmp);
    let each = micros.iter().sum::<f64>() / QUESTIONS as f64;
    (each, micros[QUESTIONS * 99 / 100], ask)
}
