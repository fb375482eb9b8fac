//! Stream benchmark: questions, hits by tier and latency for each scope, with a cold cache, after a restart, and on a second
//! replica that shares Redis.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use riveg::common::imaging::Workers;
use riveg::config::{Config, Sources};
use riveg::llm::answers::AnswerCache;
use riveg::llm::cached::{CachedEndpoint, Degrade, normalised_text};
use riveg::llm::client::Endpoint;
use riveg::stages::expand::{
    Context, Expander, ExpansionPrompt, LlmExpansion, Mix, PhraseTemplate, Scope, Source,
};
use riveg::telemetry::Metrics;
use serde_json::{Value, json};

use crate::Arguments;
use crate::famous::{self, Post};
use crate::llm::{Asked, Gate, LlmServer, Reply};
use crate::redis_server::Redis;

/// Concurrent posts: the engine's default.
const IN_FLIGHT: usize = 64;
/// The range of the language model's latency in milliseconds: a tenth of a real one, to keep the run short. The measured
/// latencies include it.
const TAKES: std::ops::RangeInclusive<u64> = 20..=60;

/// Runs all cases and prints the table.
pub(crate) fn all(arguments: &Arguments) -> Vec<Value> {
    let posts = famous::stream(arguments.posts, arguments.entities, 1);
    println!(
        "{} posts, {} entities, the language model takes {} to {} ms\n",
        arguments.posts,
        arguments.entities,
        TAKES.start(),
        TAKES.end()
    );
    println!(
        "{:<8} {:<22} {:>12} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}",
        "scope", "known before", "questions/1k", "memory", "disk", "redis", "joined", "p50 ms", "p99 ms"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut rows = Vec::new();
    for (scope, word) in [(Scope::Entity, "entity"), (Scope::Post, "post")] {
        let folder = arguments.out.join(format!("answers-{word}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let redis = Redis::start();
        for (known, file) in
            [("nothing", "first"), ("the same, restarted", "first"), ("by another replica", "second")]
        {
            let places = (folder.join(format!("{file}.redb")), redis.address());
            rows.push(runtime.block_on(run(&posts, (scope, word), places, known)));
        }
    }
    rows
}

async fn run(posts: &[Post], (scope, word): (Scope, &str), places: (PathBuf, String), known: &str) -> Value {
    let server = server();
    let metrics = Arc::new(Metrics::new());
    let (expander, answers) = expander(&server, scope, places, &metrics).await;
    let mut took: Vec<Duration> =
        stream::iter(posts).map(|post| phrases(&expander, post)).buffer_unordered(IN_FLIGHT).collect().await;
    drop(expander);
    answers.close().await;
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let page = metrics.render();
    let mentions: usize = posts.iter().map(|post| post.mentions.len()).sum();
    let share = |name: &str, label: &str| sum(&page, name, label) / mentions as f64;
    let questions = server.asked() as f64 / posts.len() as f64 * 1e3;
    let [memory, disk, redis, joined] = ["memory", "disk", "redis", "joined"]
        .map(|source| share("riveg_answers_total", &format!("source=\"{source}\"")));
    println!(
        "{word:<8} {known:<22} {questions:>12.1} {:>7.1}% {:>7.1}% {:>7.1}% {:>7.1}% {:>9.2} {:>9.2}",
        memory * 1e2,
        disk * 1e2,
        redis * 1e2,
        joined * 1e2,
        at(0.5),
        at(0.99)
    );
    json!({
        "scope": word, "known": known, "posts": posts.len(), "mentions": mentions, "questions": server.asked(),
        "questions_per_1000_posts": questions, "hits": {"memory": memory, "disk": disk, "redis": redis}, "joined": joined,
        "latency_ms": {"p50": at(0.5), "p99": at(0.99)},
    })
}

/// The sum of a metric's samples with this label.
fn sum(page: &str, name: &str, label: &str) -> f64 {
    let samples = page.lines().filter(|line| line.starts_with(name) && line.contains(label));
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// A slow language model with valid answers.
fn server() -> LlmServer {
    let clock = tokio::runtime::Handle::current();
    LlmServer::start(move |asked: &Asked| {
        let hash = blake3::hash(asked.text.as_bytes());
        let mut dice = ChaCha8Rng::from_seed(*hash.as_bytes());
        let takes = Duration::from_millis(dice.random_range(TAKES));
        let gate = Gate::shut();
        let opens = gate.clone();
        clock.spawn(async move {
            tokio::time::sleep(takes).await;
            opens.open(1);
        });
        Reply::text("someone in a coat of some colour").held(&gate)
    })
}

async fn expander(
    server: &LlmServer,
    scope: Scope,
    (file, redis): (PathBuf, String),
    metrics: &Arc<Metrics>,
) -> (Expander, AnswerCache) {
    let sets = [
        format!("llm.stand-in.url={}", server.url()),
        "llm.stand-in.model=stand-in".to_owned(),
        "llm.stand-in.concurrency=64".to_owned(),
        format!("answers.disk_path={}", file.display()),
        format!("answers.redis={redis}"),
    ];
    let config = Config::load(&Sources { sets: sets.to_vec(), ..Sources::default() }).unwrap().config;
    let answers = AnswerCache::open(&config.answers, metrics.answers()).await.unwrap();
    let endpoint = Endpoint::new("stand-in", &config.llm["stand-in"], metrics.llm("stand-in")).unwrap();
    let expansion = LlmExpansion {
        endpoints: vec![CachedEndpoint::new(endpoint, answers.clone(), Workers::default())],
        prompt: ExpansionPrompt::default(),
        scope,
        mix: Mix::First,
    };
    (Expander::new(vec![Source::Llm(expansion)], PhraseTemplate::default(), Degrade::PublishWithout), answers)
}

/// The time for all phrases of a post, concurrently as in the pipeline.
async fn phrases(expander: &Expander, post: &Post) -> Duration {
    let begun = Instant::now();
    let context = Context { text: normalised_text(&post.text), ..Context::default() };
    let asked = post.mentions.iter().map(|mention| expander.phrase(mention, None, &context));
    for found in futures_util::future::join_all(asked).await {
        assert_eq!(found.unwrap().fault, None);
    }
    begun.elapsed()
}
