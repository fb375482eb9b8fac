//! Tests of the cache in memory and on disk: one call for a question, freshness, renewal, validation, signatures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use futures_util::FutureExt;
use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::common::secret::Secret;
use crate::telemetry::Metrics;

const HOUR: Duration = Duration::from_secs(3600);

/// In memory alone, unless a file is named.
fn config(file: Option<&std::path::Path>) -> Config {
    Config {
        memory: ByteSize::mib(1),
        disk_path: file.map_or_else(|| "none".into(), Into::into),
        disk: ByteSize::mib(64),
        redis: Address::default(),
        redis_prefix: "riveg".to_owned(),
        secret: Secret::default(),
        redis_timeout: HOUR,
        lease: HOUR,
        purge_poll: HOUR,
        ttl: 10 * HOUR,
        ttl_jitter: 0.0,
        negative_ttl: HOUR,
        stale_for: 10 * HOUR,
        renewals: 4,
    }
}

fn asked(number: u64) -> AnswerRequest {
    let key = *blake3::hash(&number.to_le_bytes()).as_bytes();
    AnswerRequest {
        subject: format!("subject {number}"),
        model: "m".to_owned(),
        ..AnswerRequest::of(Kind::Expansion, key)
    }
}

fn made(text: &str) -> NewAnswer {
    NewAnswer { text: Some(text.to_owned()), ..NewAnswer::default() }
}

async fn never() -> Result<NewAnswer, &'static str> {
    panic!("this is not to be asked")
}

/// Answers with metrics of their own.
async fn opened(config: &Config) -> (AnswerCache, Metrics) {
    let metrics = Metrics::new();
    (AnswerCache::open(config, metrics.answers()).await.unwrap(), metrics)
}

fn has(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
}

/// Stores an answer of this age on disk.
async fn made_before(answers: &AnswerCache, asked: &AnswerRequest, ago: Duration, text: Option<&str>) {
    let made_at = unix_millis(SystemTime::now() - ago);
    let record =
        Record::new(asked, NewAnswer { text: text.map(str::to_owned), ..NewAnswer::default() }, made_at);
    answers.0.tiers.lower.disk.as_ref().unwrap().keep(asked.id(), &record).await;
}

/// Waits until no renewal is running.
async fn renewed(answers: &AnswerCache, renewals: u32) {
    let permits = answers.0.renewals.acquire_many(renewals).await.unwrap();
    drop(permits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_concurrent_callers_of_one_question_make_one_call() {
    let folder = tempfile::tempdir().unwrap();
    for file in [None, Some(folder.path().join("answers.redb"))] {
        let (answers, metrics) = opened(&config(file.as_deref())).await;
        let calls = Arc::new(AtomicUsize::new(0));
        let askers = (0..1000).map(|_| {
            let (answers, calls) = (answers.clone(), Arc::clone(&calls));
            tokio::spawn(async move {
                let make = move || async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, ()>(made("an answer"))
                };
                answers.get_or_ask(&asked(1), make).await
            })
        });
        for answer in join_all(askers).await {
            assert_eq!(answer.unwrap().unwrap().as_deref(), Some("an answer"));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        has(&metrics, "riveg_answers_total{kind=\"expansion\",source=\"made\"} 1");
        has(&metrics, "riveg_answer_entries{tier=\"memory\"} 1");
        answers.close().await;
    }
}

#[tokio::test]
async fn an_error_goes_to_all_waiting_callers_is_not_stored_and_is_counted() {
    let (answers, metrics) = opened(&config(None)).await;
    let (open, gate) = oneshot::channel::<Result<NewAnswer, &'static str>>();
    let question = asked(1);
    let mut maker = Box::pin(answers.get_or_ask(&question, || async { gate.await.unwrap() }));
    assert!(maker.as_mut().now_or_never().is_none());
    let mut others: Vec<_> = (0..8).map(|_| Box::pin(answers.get_or_ask(&question, never))).collect();
    others.iter_mut().for_each(|other| assert!(other.as_mut().now_or_never().is_none()));
    open.send(Err("broken")).unwrap();
    assert_eq!(maker.await, Err("broken"));
    assert!(join_all(others).await.iter().all(|answer| *answer == Err("broken")));
    has(&metrics, "riveg_answers_total{kind=\"expansion\",source=\"failed\"} 9");
    let again = answers.get_or_ask(&question, || async { Ok::<_, &'static str>(made("mended")) }).await;
    assert_eq!(again.unwrap().as_deref(), Some("mended"));
}

#[tokio::test]
async fn an_answer_survives_a_restart_and_a_small_memory_tier() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.redb");
    let settings = Config { memory: ByteSize(2000), ..config(Some(&file)) };
    let (answers, _) = opened(&settings).await;
    for number in 0..50 {
        let text = format!("answer {number}");
        let answer = answers.get_or_ask(&asked(number), || async move { Ok::<_, ()>(made(&text)) }).await;
        assert_eq!(answer.unwrap().unwrap().as_ref(), format!("answer {number}"));
    }
    answers.close().await;
    let (answers, metrics) = opened(&settings).await;
    for number in 0..50 {
        let answer = answers.get_or_ask(&asked(number), never).await.unwrap().unwrap();
        assert_eq!(answer.as_ref(), format!("answer {number}"));
    }
    assert!(answers.get_or_ask(&asked(49), never).await.is_ok());
    has(&metrics, "riveg_answers_total{kind=\"expansion\",source=\"disk\"} 50");
    has(&metrics, "riveg_answers_total{kind=\"expansion\",source=\"memory\"} 1");
    has(&metrics, "riveg_answer_age_seconds_count 51");
    let counts = answers.0.tiers.memory.counts();
    assert!(counts.bytes <= 2000 && counts.evicted > 40, "{counts:?}");
    has(&metrics, &format!("riveg_answer_evictions_total{{tier=\"memory\"}} {}", counts.evicted));
}

#[tokio::test]
async fn an_answer_without_a_text_is_stored_for_the_negative_ttl() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    let refused = answers.get_or_ask(&asked(1), || async { Ok::<_, ()>(NewAnswer::default()) }).await;
    assert_eq!(refused, Ok(None));
    assert_eq!(answers.get_or_ask(&asked(1), never).await, Ok(None));
    has(&metrics, "riveg_answers_negative_total{kind=\"expansion\"} 2");
    made_before(&answers, &asked(2), 2 * HOUR, None).await;
    let again = answers.get_or_ask(&asked(2), || async { Ok::<_, ()>(made("an answer")) }).await;
    assert_eq!(again.unwrap().as_deref(), Some("an answer"));
}

#[tokio::test]
async fn a_stale_answer_is_returned_at_once_and_renewed_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    made_before(&answers, &asked(1), 15 * HOUR, Some("old")).await;
    let (open, gate) = oneshot::channel::<Result<NewAnswer, &'static str>>();
    let make = || async { gate.await.unwrap() };
    assert_eq!(answers.get_or_ask(&asked(1), make).await.unwrap().as_deref(), Some("old"));
    for _ in 0..5 {
        let meanwhile = answers.get_or_ask(&asked(1), never).await;
        assert_eq!(meanwhile.unwrap().as_deref(), Some("old"), "one renewal is enough");
    }
    open.send(Ok(made("new"))).unwrap();
    renewed(&answers, 4).await;
    assert_eq!(answers.get_or_ask(&asked(1), never).await.unwrap().as_deref(), Some("new"));
    has(&metrics, "riveg_answer_renewals_total{outcome=\"renewed\"} 1");
    made_before(&answers, &asked(2), 21 * HOUR, Some("older")).await;
    let gone = answers.get_or_ask(&asked(2), || async { Ok::<_, ()>(made("new")) }).await;
    assert_eq!(gone.unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn a_renewal_that_fails_or_is_empty_keeps_the_stale_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    for (number, outcome) in [(1, Err("away")), (2, Ok(NewAnswer::default()))] {
        made_before(&answers, &asked(number), 15 * HOUR, Some("old")).await;
        let first = answers.get_or_ask(&asked(number), move || async move { outcome }).await;
        assert_eq!(first.unwrap().as_deref(), Some("old"));
        renewed(&answers, 4).await;
        let later = answers.get_or_ask(&asked(number), never).await;
        assert_eq!(later.unwrap().as_deref(), Some("old"), "and it is not tried again so soon");
        renewed(&answers, 4).await;
    }
    has(&metrics, "riveg_answer_renewals_total{outcome=\"failed\"} 2");
}

#[tokio::test]
async fn concurrent_renewals_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.redb");
    let (answers, metrics) = opened(&Config { renewals: 2, ..config(Some(&file)) }).await;
    for number in 0..5 {
        made_before(&answers, &asked(number), 15 * HOUR, Some("old")).await;
        let make = std::future::pending::<Result<NewAnswer, ()>>;
        assert_eq!(answers.get_or_ask(&asked(number), make).await.unwrap().as_deref(), Some("old"));
    }
    has(&metrics, "riveg_answer_renewals_total{outcome=\"skipped\"} 3");
}

#[tokio::test]
async fn a_caller_that_joins_a_failed_renewal_gets_the_stale_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.redb");
    // The memory tier stores nothing, so a call during a renewal joins it.
    let (answers, _) = opened(&Config { memory: ByteSize(0), ..config(Some(&file)) }).await;
    made_before(&answers, &asked(1), 15 * HOUR, Some("old")).await;
    let (open, gate) = oneshot::channel::<Result<NewAnswer, &'static str>>();
    let (begun, begins) = oneshot::channel();
    let make = || async {
        begun.send(()).unwrap();
        gate.await.unwrap()
    };
    assert_eq!(answers.get_or_ask(&asked(1), make).await.unwrap().as_deref(), Some("old"));
    begins.await.unwrap();
    let question = asked(1);
    let mut joining =
        Box::pin(answers.get_or_ask(&question, || async { Err::<NewAnswer, _>("not to be seen") }));
    assert!(joining.as_mut().now_or_never().is_none());
    open.send(Err("broken")).unwrap();
    assert_eq!(joining.await.unwrap().as_deref(), Some("old"));
}

#[tokio::test]
async fn when_the_asking_caller_is_dropped_another_caller_asks() {
    let (answers, _) = opened(&config(None)).await;
    let question = asked(1);
    let mut leaving =
        Box::pin(answers.get_or_ask(&question, std::future::pending::<Result<NewAnswer, &'static str>>));
    assert!(leaving.as_mut().now_or_never().is_none());
    let make = || async { Ok::<_, &'static str>(made("an answer")) };
    let mut waiting = Box::pin(answers.get_or_ask(&question, make));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(leaving);
    assert_eq!(waiting.await.unwrap().as_deref(), Some("an answer"));
}

#[tokio::test]
async fn a_stored_text_must_pass_the_validator_of_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    // The rule of this question: one line, its first five words.
    let validator = |words: &str| {
        let first: Vec<&str> = words.split(' ').take(5).collect();
        (!words.contains('\n')).then(|| first.join(" "))
    };
    let question = |number| AnswerRequest { validator: Validator::new(validator), ..asked(number) };
    for (number, kept, expected) in [
        (1, "a dog in the rain", "a dog in the rain"),
        (2, "a dog in the rain with a hat", "a dog in the rain"),
        (3, "a dog\nand all that", "a cat"),
    ] {
        made_before(&answers, &asked(number), HOUR, Some(kept)).await;
        for _ in 0..2 {
            let make = || async { Ok::<_, ()>(made("a cat")) };
            let answer = answers.get_or_ask(&question(number), make).await.unwrap();
            assert_eq!(answer.as_deref(), Some(expected), "{number}");
        }
    }
    has(&metrics, "riveg_answer_faults_total{class=\"unbelievable\",tier=\"disk\"} 1");
    has(&metrics, "riveg_answers_total{kind=\"expansion\",source=\"made\"} 1");
    // The fresh answer has taken its place.
    answers.close().await;
    let (answers, _) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    assert_eq!(answers.get_or_ask(&question(3), never).await.unwrap().as_deref(), Some("a cat"));
}

#[tokio::test]
async fn an_answer_with_another_signature_or_none_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let plain = config(Some(&folder.path().join("answers.redb")));
    let ours = Config { secret: "a secret of these tests".into(), ..plain.clone() };
    let theirs = Config { secret: "a secret of other tests".into(), ..plain.clone() };
    for (settings, class) in
        [(&plain, None), (&ours, Some("unsigned")), (&theirs, Some("forged")), (&plain, Some("signed"))]
    {
        let (answers, metrics) = opened(settings).await;
        let make = || async { Ok::<_, ()>(made("an answer")) };
        assert_eq!(answers.get_or_ask(&asked(1), make).await.unwrap().as_deref(), Some("an answer"));
        has(&metrics, "riveg_answers_total{kind=\"expansion\",source=\"made\"} 1");
        if let Some(class) = class {
            has(&metrics, &format!("riveg_answer_faults_total{{class=\"{class}\",tier=\"disk\"}} 1"));
        }
        answers.close().await;
        // Its own it reads.
        let (answers, _) = opened(settings).await;
        assert_eq!(answers.get_or_ask(&asked(1), never).await.unwrap().as_deref(), Some("an answer"));
        answers.close().await;
    }
}

#[tokio::test]
async fn after_a_clock_was_set_back_no_caller_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    // Made five hours from now, as far as this clock knows.
    let made_at = unix_millis(SystemTime::now() + 5 * HOUR);
    let record = Record::new(&asked(1), made("old"), made_at);
    answers.0.tiers.lower.disk.as_ref().unwrap().keep(asked(1).id(), &record).await;
    let (open, gate) = oneshot::channel::<Result<NewAnswer, &'static str>>();
    let make = || async { gate.await.unwrap() };
    assert_eq!(answers.get_or_ask(&asked(1), make).await.unwrap().as_deref(), Some("old"));
    open.send(Ok(made("new"))).unwrap();
    renewed(&answers, 4).await;
    assert_eq!(answers.get_or_ask(&asked(1), never).await.unwrap().as_deref(), Some("new"));
    has(&metrics, "riveg_answer_renewals_total{outcome=\"renewed\"} 1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn questions_never_share_answers_and_memory_stays_within_its_limit(
        memory in 0_u64..4000,
        // Few keys that several kinds share, so that a mix-up would show.
        questions in prop::collection::vec((0..Kind::ALL.len(), 0_u8..6, "[a-z]{0,20}"), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("answers.redb");
            let (answers, _) = opened(&Config { memory: ByteSize(memory), ..config(Some(&file)) }).await;
            let mut first: BTreeMap<(usize, u8), String> = BTreeMap::new();
            for (kind, key, text) in questions {
                let question = AnswerRequest { subject: text.clone(), ..AnswerRequest::of(Kind::ALL[kind], [key; 32]) };
                let expected = first.entry((kind, key)).or_insert_with(|| text.clone()).clone();
                let answer =
                    answers.get_or_ask(&question, || async move { Ok::<_, ()>(made(&text)) }).await.unwrap();
                assert_eq!(answer.as_deref(), Some(expected.as_str()));
                assert!(answers.0.tiers.memory.counts().bytes as u64 <= memory);
            }
            answers.close().await;
        });
    }
}

#[test]
fn invalid_settings_are_refused_and_an_address_is_never_shown() {
    let good = config(None);
    assert_eq!(good.faults(), Vec::new());
    let year = 366 * 24 * HOUR;
    let cases = [
        (Config { redis: "localhost".into(), ..good.clone() }, "redis"),
        (Config { redis: "http://:canary@localhost".into(), ..good.clone() }, "redis"),
        (Config { redis_prefix: String::new(), ..good.clone() }, "redis_prefix"),
        (Config { redis_prefix: "a*".to_owned(), ..good.clone() }, "redis_prefix"),
        (Config { disk_path: "x".into(), disk: ByteSize::mib(1), ..good.clone() }, "disk"),
        (Config { secret: "canary".into(), ..good.clone() }, "secret"),
        (Config { ttl_jitter: 1.5, ..good.clone() }, "ttl_jitter"),
        (Config { ttl_jitter: f64::NAN, ..good.clone() }, "ttl_jitter"),
        (Config { ttl: Duration::ZERO, ..good.clone() }, "ttl"),
        (Config { stale_for: 200 * year, ..good.clone() }, "stale_for"),
        (Config { lease: Duration::ZERO, ..good.clone() }, "lease"),
    ];
    for (settings, key) in cases {
        let faults = settings.faults();
        assert!(matches!(&faults[..], [(found, _)] if *found == key), "{key}: {faults:?}");
        assert!(!format!("{faults:?}{settings:?}").contains("canary"));
    }
}
