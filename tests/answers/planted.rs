//! Planted values: other programs write into the shared Redis. Their values are misses, counted by reason, and replaced
//! by new answers. No caller waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use redis::Commands;
use riveg::llm::answers::{AnswerRequest, Config, Validator, unix_millis};
use serde_json::json;
use tokio::time::timeout;

use super::{LONG, Replica, asked, config, key};
use crate::support::{Redis, WITHIN, riveg};

const SECRET: &str = "a secret of these tests";

/// An answer to that question as a program can write it that knows the format and no secret.
fn planted(question: &AnswerRequest, text: &str) -> Vec<u8> {
    let made_at = unix_millis(SystemTime::now());
    let record =
        json!({"subject": question.subject, "model": question.model, "text": text, "made_at": made_at});
    let body = record.to_string().into_bytes();
    let of = [&[0][..], &question.key, &body].concat();
    [&[1], &blake3::hash(&of).as_bytes()[..16], &body].concat()
}

/// A question that rejects answers with URLs.
fn careful(number: usize) -> AnswerRequest {
    let believe = |words: &str| (!words.contains("://")).then(|| words.to_owned());
    AnswerRequest { validator: Validator::new(believe), ..asked(number) }
}

fn fault(class: &str) -> String {
    format!("riveg_answer_faults_total{{class=\"{class}\",tier=\"redis\"}}")
}

/// The number of bytes that Redis has sent.
fn sent(client: &mut redis::Connection) -> u64 {
    let info: String = redis::cmd("INFO").arg("stats").query(client).unwrap();
    let count = info.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")?.parse().ok());
    count.unwrap()
}

#[tokio::test]
async fn planted_values_are_misses_and_replaced_and_too_long_ones_are_never_read() {
    const LONGER: usize = 22 << 20;
    let redis = Redis::start();
    let mut client = redis.client();
    let calls = Arc::new(AtomicUsize::new(0));
    let set = |client: &mut redis::Connection, question: &AnswerRequest, value: Vec<u8>| {
        client.set::<_, _, ()>(key(question), value).unwrap();
    };
    set(&mut client, &careful(1), planted(&careful(1), "see https://evil.example <script>\u{1b}[31m"));
    set(&mut client, &careful(2), planted(&careful(2), &"a ".repeat(LONGER / 2)));
    client.lpush::<_, _, ()>(key(&careful(3)), "a list").unwrap();
    set(&mut client, &careful(4), planted(&careful(4), "a dog in the rain"));
    let cases = [(1, Some("unbelievable")), (2, Some("too-long")), (3, Some("too-long")), (4, None)];
    for (number, class) in cases {
        let replica = Replica::open(&config(&redis.address(), None)).await;
        let before = sent(&mut client);
        let answer = replica.ask(&careful(number), &calls).await;
        assert!(sent(&mut client) - before < 64 * 1024, "{number}: it was sent");
        let Some(class) = class else {
            assert_eq!(
                answer, "a dog in the rain",
                "without a secret, a valid answer is accepted whoever wrote it"
            );
            continue;
        };
        assert_eq!(answer, format!("answer to subject {number}"));
        assert_eq!(replica.count(&fault(class)), 1, "{}", replica.metrics.render());
        let other = Replica::open(&config(&redis.address(), None)).await;
        assert_eq!(other.ask(&careful(number), &calls).await, format!("answer to subject {number}"));
        assert_eq!(other.count("riveg_answers_total{kind=\"expansion\",source=\"redis\"}"), 1, "{number}");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    let stats = ["cache", "stats", "--set", "answers.disk_path=none", "--set", "answers.redis_prefix=tests"];
    set(&mut client, &careful(5), planted(&careful(5), &"a ".repeat(LONGER / 2)));
    let before = sent(&mut client);
    let finished =
        riveg(&[&stats[..], &["--set", &format!("answers.redis={}", redis.address())]].concat(), b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(sent(&mut client) - before < 64 * 1024, "it was sent to `riveg cache`");
}

#[tokio::test]
async fn with_a_secret_only_answers_signed_with_it_are_accepted() {
    let redis = Redis::start();
    let mut client = redis.client();
    let calls = Arc::new(AtomicUsize::new(0));
    let open = config(&redis.address(), None);
    let ours = Config { secret: SECRET.into(), ..open.clone() };
    let theirs = Config { secret: "a secret of others".into(), ..open.clone() };
    client.set::<_, _, ()>(key(&asked(1)), planted(&asked(1), "a dog in the rain")).unwrap();
    let mut asks = 0;
    for (settings, class) in [
        (&ours, Some("unsigned")),
        (&ours, None),
        (&theirs, Some("forged")),
        (&ours, Some("forged")),
        (&open, Some("signed")),
        (&open, None),
    ] {
        let replica = Replica::open(settings).await;
        assert_eq!(replica.ask(&asked(1), &calls).await, "answer to subject 1");
        asks += usize::from(class.is_some());
        assert_eq!(calls.load(Ordering::SeqCst), asks, "{class:?}");
        if let Some(class) = class {
            assert_eq!(replica.count(&fault(class)), 1, "{}", replica.metrics.render());
        }
    }
    // A signed answer is bound to its question and its time.
    let replica = Replica::open(&ours).await;
    replica.ask(&asked(2), &calls).await;
    let written: Vec<u8> = client.get(key(&asked(2))).unwrap();
    client.set::<_, _, ()>(key(&asked(3)), &written).unwrap();
    let mut later = written;
    let at = later.windows(9).position(|bytes| bytes == b"\"made_at\"").unwrap() + 10;
    later[at] = if later[at] == b'9' { b'8' } else { later[at] + 1 };
    client.set::<_, _, ()>(key(&asked(2)), &later).unwrap();
    for number in [2, 3] {
        let replica = Replica::open(&ours).await;
        assert_eq!(replica.ask(&asked(number), &calls).await, format!("answer to subject {number}"));
        assert_eq!(replica.count(&fault("forged")), 1, "{number}");
    }
}

#[tokio::test]
async fn answers_are_exported_without_a_secret_and_imported_with_one() {
    let (redis, other, folder) = (Redis::start(), Redis::start(), tempfile::tempdir().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let replica = Replica::open(&config(&redis.address(), None)).await;
    for number in 0..5 {
        replica.ask(&asked(number), &calls).await;
    }
    let cache = |arguments: &[&str], redis: &Redis, secret: &str| {
        let (address, secret) =
            (format!("answers.redis={}", redis.address()), format!("answers.secret={secret}"));
        let shared = ["--set", "answers.disk_path=none", "--set", "answers.redis_prefix=tests"];
        let finished = riveg(
            &[&["cache"], arguments, &shared[..], &["--set", &address, "--set", &secret]].concat(),
            b"",
        );
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished
    };
    let exported = cache(&["export"], &redis, "");
    let lines = folder.path().join("answers.jsonl");
    std::fs::write(&lines, &exported.stdout).unwrap();
    cache(&["import", lines.to_str().unwrap()], &other, SECRET);
    let with_secret = Config { secret: SECRET.into(), ..config(&other.address(), None) };
    let replica = Replica::open(&with_secret).await;
    for number in 0..5 {
        assert_eq!(replica.ask(&asked(number), &calls).await, format!("answer to subject {number}"));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 5, "none was asked again");
    assert_eq!(cache(&["export"], &other, SECRET).stdout.lines().count(), 5);
    let unsigned = cache(&["export"], &redis, SECRET);
    assert!(unsigned.stderr.contains("0 answers, 5 could not be read"), "{}", unsigned.stderr);
}

#[tokio::test]
async fn a_lease_that_never_ends_does_not_block_callers_for_ever() {
    let redis = Redis::start();
    let mut client = redis.client();
    let calls = Arc::new(AtomicUsize::new(0));
    let lease = |number| format!("{}:lease", key(&asked(number)));
    client.set::<_, _, ()>(lease(1), "for ever").unwrap();
    client.set::<_, _, ()>(lease(2), "x".repeat(1 << 20)).unwrap();
    client.lpush::<_, _, ()>(lease(3), "a list").unwrap();
    client.pset_ex::<_, _, ()>(lease(4), "an hour", 3_600_000).unwrap();
    client.pset_ex::<_, _, ()>(lease(5), "an hour", 3_600_000).unwrap();
    // The limit is ten leases, by default an hour and a half. The shortest lease is a tenth of a second.
    let settings = config(&redis.address(), None);
    let short = Config { lease: Duration::from_millis(100), ..settings.clone() };
    for (number, settings, wait) in [
        (1, &settings, LONG),
        (2, &settings, LONG),
        (3, &settings, LONG),
        (4, &short, LONG),
        (5, &settings, Duration::from_millis(100)),
    ] {
        let replica = Replica::open(settings).await;
        let question = AnswerRequest { wait, ..asked(number) };
        let answer = timeout(WITHIN, replica.ask(&question, &calls)).await;
        assert_eq!(answer.ok().as_deref(), Some(format!("answer to subject {number}").as_str()), "{number}");
        assert_eq!(replica.count(&fault("lease")), 1, "{number}");
        assert_eq!(replica.count(&fault("refused")), 0, "{number}");
        // Other replicas get it.
        let other = Replica::open(settings).await;
        assert_eq!(other.ask(&question, &calls).await, format!("answer to subject {number}"));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}
