//! Replicas: ask each question once among all of them, with leases in Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use redis::Commands;
use riveg::llm::answers::{Config, NewAnswer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Replica, asked, config, key};
use crate::support::{Redis, riveg, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_that_ask_together_make_one_call_for_each_question() {
    const QUESTIONS: usize = 200;
    let redis = Redis::start();
    let calls = Arc::new(AtomicUsize::new(0));
    let settings = config(&redis.address(), None);
    let replicas = [(); 2].map(|()| Replica::open(&settings));
    let replicas = Arc::new(join_all(replicas).await);
    let askers = (0..2 * QUESTIONS).map(|index| {
        let (replicas, calls) = (Arc::clone(&replicas), Arc::clone(&calls));
        tokio::spawn(async move { replicas[index % 2].ask(&asked(index / 2), &calls).await })
    });
    for (index, answer) in join_all(askers).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), format!("answer to subject {}", index / 2));
    }
    assert_eq!(calls.load(Ordering::SeqCst), QUESTIONS);
    // A third replica finds the answers in Redis.
    let third = Replica::open(&config(&redis.address(), None)).await;
    for number in 0..QUESTIONS {
        third.ask(&asked(number), &calls).await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), QUESTIONS);
    let found = third.count("riveg_answers_total{kind=\"expansion\",source=\"redis\"}");
    assert_eq!(found, QUESTIONS as u64);
    let mut client = redis.client();
    let leases: Vec<String> = client.keys("tests:*:lease").unwrap();
    assert_eq!(leases, Vec::<String>::new(), "all leases were released");
    let life: i64 = client.pttl(key(&asked(0))).unwrap();
    assert!((1..=7_200_000).contains(&life), "{life}");
}

/// How often Redis has executed that command.
fn executed(client: &mut redis::Connection, command: &str) -> u64 {
    let info: String = redis::cmd("INFO").arg("commandstats").query(client).unwrap();
    let start = format!("cmdstat_{command}:calls=");
    let count = info.lines().find_map(|line| line.strip_prefix(&start)?.split(',').next()?.parse().ok());
    count.unwrap_or(0)
}

/// A question that a replica asks until the test sends its result.
async fn being_asked(
    replica: &Replica,
    number: usize,
) -> (oneshot::Sender<Result<NewAnswer, &'static str>>, JoinHandle<Result<Option<Arc<str>>, &'static str>>) {
    let (open, gate) = oneshot::channel();
    let (begun, begins) = oneshot::channel();
    let answers = replica.answers.clone();
    let make = || async move {
        begun.send(()).unwrap();
        gate.await.unwrap()
    };
    let asking = tokio::spawn(async move { answers.get_or_ask(&asked(number), make).await });
    begins.await.unwrap();
    (open, asking)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_an_error_of_one_replica_the_others_ask_themselves() {
    let redis = Redis::start();
    let settings = config(&redis.address(), None);
    let (one, other) = (Replica::open(&settings).await, Replica::open(&settings).await);
    let (open, failing) = being_asked(&one, 1).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let for_other = Arc::clone(&calls);
    let waiting = tokio::spawn(async move { other.ask(&asked(1), &for_other).await });
    let mut client = redis.client();
    let looks = executed(&mut client, "evalsha");
    until("the other polls repeatedly", || (executed(&mut client, "evalsha") > looks + 2).then_some(()));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    open.send(Err("broken")).unwrap();
    assert_eq!(failing.await.unwrap(), Err("broken"));
    assert_eq!(waiting.await.unwrap(), "answer to subject 1");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lease_is_renewed_while_its_holder_asks_and_others_get_its_answer() {
    let redis = Redis::start();
    let settings = Config { lease: Duration::from_secs(4), ..config(&redis.address(), None) };
    let (one, other) = (Replica::open(&settings).await, Replica::open(&settings).await);
    let (open, making) = being_asked(&one, 1).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let (other, for_other) = (Arc::new(other), Arc::clone(&calls));
    let asks = Arc::clone(&other);
    let waiting = tokio::spawn(async move { asks.ask(&asked(1), &for_other).await });
    let mut client = redis.client();
    until("it is renewed several times", || (executed(&mut client, "pexpire") >= 4).then_some(()));
    open.send(Ok(NewAnswer { text: Some("late".to_owned()), ..NewAnswer::default() })).unwrap();
    assert_eq!(making.await.unwrap().unwrap().as_deref(), Some("late"));
    assert_eq!(waiting.await.unwrap(), "late");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(other.count("riveg_answers_total{kind=\"expansion\",source=\"leased\"}"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn questions_of_a_dead_or_closed_replica_are_asked_by_another() {
    let redis = Redis::start();
    let mut client = redis.client();
    let settings = config(&redis.address(), None);
    let calls = Arc::new(AtomicUsize::new(0));
    // The lease of the dead replica is not renewed.
    let lease = format!("{}:lease", key(&asked(1)));
    client.pset_ex::<_, _, ()>(&lease, "dead", 500).unwrap();
    let replica = Replica::open(&settings).await;
    assert_eq!(replica.ask(&asked(1), &calls).await, "answer to subject 1");
    // The closed replica releases its lease, which would last for minutes.
    let leaving = Replica::open(&settings).await;
    let (_open, asking) = being_asked(&leaving, 2).await;
    assert!(client.exists::<_, bool>(format!("{}:lease", key(&asked(2)))).unwrap());
    asking.abort();
    assert_eq!(replica.ask(&asked(2), &calls).await, "answer to subject 2");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_engine_drops_answers_that_were_purged_elsewhere_from_memory_and_disk() {
    let (redis, folder) = (Redis::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("answers.redb");
    let settings = Config { purge_poll: Duration::from_millis(10), ..config(&redis.address(), Some(&file)) };
    let replica = Replica::open(&settings).await;
    let calls = Arc::new(AtomicUsize::new(0));
    for number in 0..3 {
        replica.ask(&asked(number), &calls).await;
    }
    let address = format!("answers.redis={}", redis.address());
    let file = format!("answers.disk_path={}", file.display());
    let shared = ["--set", &address, "--set", "answers.redis_prefix=tests", "--set", &file];
    let purge = [&["cache", "purge", "--match", "*ject 1"][..], &shared].concat();
    let finished = riveg(&purge, b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("is held by another engine: only Redis is looked at"),
        "{}",
        finished.stderr
    );
    assert!(finished.stdout.starts_with("redis: 1 removed\n"), "{}", finished.stdout);
    for tier in ["memory", "disk"] {
        let metric = format!("riveg_answers_purged_total{{tier=\"{tier}\"}}");
        until("the engine receives the purge", || (replica.count(&metric) == 1).then_some(()));
    }
    for number in 0..3 {
        replica.ask(&asked(number), &calls).await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 4, "only the purged question was asked again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stale_answer_is_replaced_by_the_answer_of_another_replica() {
    let (redis, folder) = (Redis::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("answers.redb");
    let question = asked(1);
    // On the disk of one replica is an answer of an hour and a half. It is fresh for one hour and dropped after two.
    let made_at = SystemTime::now() - Duration::from_secs(5400);
    let line = serde_json::json!({
        "kind": "expansion",
        "key": blake3::Hash::from_bytes(question.key).to_hex().as_str(),
        "subject": question.subject,
        "model": question.model,
        "text": "an old answer",
        "made_at": humantime::format_rfc3339_millis(made_at).to_string(),
    });
    let lines = folder.path().join("lines");
    std::fs::write(&lines, line.to_string()).unwrap();
    let to = format!("answers.disk_path={}", file.display());
    let imported = riveg(&["cache", "import", lines.to_str().unwrap(), "--set", &to], b"");
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);

    let calls = Arc::new(AtomicUsize::new(0));
    let other = Replica::open(&config(&redis.address(), None)).await;
    assert_eq!(other.ask(&question, &calls).await, "answer to subject 1");
    let one = Replica::open(&config(&redis.address(), Some(&file))).await;
    assert_eq!(one.ask(&question, &calls).await, "an old answer");
    let renewed = "riveg_answer_renewals_total{outcome=\"renewed\"}";
    until("it is renewed", || (one.count(renewed) == 1).then_some(()));
    assert_eq!(one.ask(&question, &calls).await, "answer to subject 1");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
