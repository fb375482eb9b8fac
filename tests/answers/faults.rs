//! Faults of Redis: it is unreachable, ends, hangs, denies access or has invalid values. Engines continue and count
//! faults.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use redis::Commands;
use riveg::llm::answers::Config;

use super::{Replica, asked, config, key, size};
use crate::support::{Redis, WITHIN};

fn fault(class: &str) -> String {
    format!("riveg_answer_faults_total{{class=\"{class}\",tier=\"redis\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_that_restarts_is_used_again_and_no_caller_gets_an_error() {
    let mut redis = Redis::start();
    let settings = config(&redis.address(), None);
    let replicas = [(); 2].map(|()| Replica::open(&settings));
    let replicas = Arc::new(futures_util::future::join_all(replicas).await);
    let (calls, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let questions = Arc::new(AtomicUsize::new(0));
    // Two replicas ask continuously, the same and different questions. An error would end a task.
    let callers: Vec<_> = (0..8)
        .map(|index| {
            let (replicas, calls, stop) = (Arc::clone(&replicas), Arc::clone(&calls), Arc::clone(&stop));
            let questions = Arc::clone(&questions);
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let number = questions.fetch_add(1, Ordering::SeqCst) / 2;
                    let answer = replicas[index % 2].ask(&asked(number), &calls).await;
                    assert_eq!(answer, format!("answer to subject {number}"));
                }
            })
        })
        .collect();
    let reached = async |what: &str, done: &mut dyn FnMut() -> bool| {
        let deadline = tokio::time::Instant::now() + WITHIN;
        while !done() {
            assert!(tokio::time::Instant::now() < deadline, "timed out: {what}");
            tokio::task::yield_now().await;
        }
    };
    let mut client = redis.client();
    reached("answers are shared", &mut || size(&mut client) > 20).await;
    redis.kill();
    let fault =
        |replica: &Replica| ["away", "timeout"].iter().map(|class| replica.count(&fault(class))).sum::<u64>();
    reached("both replicas have lost it", &mut || replicas.iter().all(|replica| fault(replica) > 0)).await;
    let then = questions.load(Ordering::SeqCst);
    reached("questions are answered without it", &mut || questions.load(Ordering::SeqCst) > then + 50).await;
    redis.start_again();
    let mut client = redis.client();
    reached("it is used again", &mut || size(&mut client) > 20).await;
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.expect("no caller got an error");
    }
}

#[tokio::test]
async fn an_engine_that_is_denied_access_continues_and_counts_the_reason() {
    let redis = Redis::start();
    let replica = Replica::open(&config(&redis.address_with("wrong"), None)).await;
    let calls = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        assert_eq!(replica.ask(&asked(1), &calls).await, "answer to subject 1");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1, "memory has it");
    assert!(replica.count(&fault("not-let-in")) > 0, "{}", replica.metrics.render());
    assert_eq!(size(&mut redis.client()), 0);
}

#[tokio::test]
async fn an_engine_works_without_a_redis_that_is_unreachable_or_hangs() {
    // Accepts connections and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_address = format!("redis://{}", silent.local_addr().unwrap());
    let unreachable = format!("redis://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    for (address, class) in [(silent_address, "timeout"), (unreachable, "away")] {
        let settings = Config { redis_timeout: Duration::from_millis(50), ..config(&address, None) };
        let replica = Replica::open(&settings).await;
        let calls = Arc::new(AtomicUsize::new(0));
        for number in 0..20 {
            assert_eq!(replica.ask(&asked(number), &calls).await, format!("answer to subject {number}"));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 20);
        assert!(replica.count(&fault(class)) > 0, "{}", replica.metrics.render());
    }
}

#[tokio::test]
async fn invalid_answers_and_those_to_other_questions_are_treated_as_missing() {
    let redis = Redis::start();
    let mut client = redis.client();
    let calls = Arc::new(AtomicUsize::new(0));
    let first = Replica::open(&config(&redis.address(), None)).await;
    first.ask(&asked(0), &calls).await;
    let of_another: Vec<u8> = client.get(key(&asked(0))).unwrap();
    let mut of_another_release = of_another.clone();
    of_another_release[0] = 99;
    let cases = [b"nonsense".to_vec(), vec![1], of_another, of_another_release];
    for (number, bytes) in cases.into_iter().enumerate() {
        let question = asked(number + 1);
        client.set::<_, _, ()>(key(&question), &bytes).unwrap();
        let replica = Replica::open(&config(&redis.address(), None)).await;
        assert_eq!(replica.ask(&question, &calls).await, format!("answer to {}", question.subject));
        assert_eq!(replica.count(&fault("unreadable")), 1, "{number}");
        let now: Vec<u8> = client.get(key(&question)).unwrap();
        assert_ne!(now, bytes, "the new answer replaced it");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}
