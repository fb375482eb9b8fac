//! Is a question asked once, and is its answer given to it alone, as long as it is good? In memory and on disk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

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

fn asked(number: u64) -> Asked {
    let key = *blake3::hash(&number.to_le_bytes()).as_bytes();
    Asked { subject: format!("subject {number}"), model: "m".to_owned(), ..Asked::of(Kind::Expansion, key) }
}

fn made(text: &str) -> Made {
    Made { text: Some(text.to_owned()), ..Made::default() }
}

async fn never() -> Result<Made, &'static str> {
    panic!("this is not to be asked")
}

/// Answers with metrics of their own.
async fn opened(config: &Config) -> (Answers, Metrics) {
    let metrics = Metrics::new();
    (Answers::open(config, metrics.answers()).await.unwrap(), metrics)
}

fn has(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
}

/// Puts an answer on disk that was made so long ago.
async fn made_before(answers: &Answers, asked: &Asked, ago: Duration, text: Option<&str>) {
    let made_at = millis(SystemTime::now() - ago);
    let record = Record::new(asked, Made { text: text.map(str::to_owned), ..Made::default() }, made_at);
    answers.0.tiers.disk.as_ref().unwrap().keep(asked.id(), &record).await;
}

/// Lets everything run that can, until no renewal is under way.
async fn renewed(answers: &Answers, renewals: u32) {
    let permits = answers.0.renewals.acquire_many(renewals).await.unwrap();
    drop(permits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_who_ask_the_same_at_one_time_make_one_call() {
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
async fn an_error_goes_to_all_who_wait_is_not_kept_and_is_counted() {
    let (answers, metrics) = opened(&config(None)).await;
    let (open, gate) = oneshot::channel::<Result<Made, &'static str>>();
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
async fn an_answer_survives_a_restart_and_memory_that_is_too_small() {
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
    let counts = answers.0.memory.counts();
    assert!(counts.bytes <= 2000 && counts.evicted > 40, "{counts:?}");
    has(&metrics, &format!("riveg_answer_evictions_total{{tier=\"memory\"}} {}", counts.evicted));
}

#[tokio::test]
async fn that_there_is_no_answer_is_remembered_for_the_short_time() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    let refused = answers.get_or_ask(&asked(1), || async { Ok::<_, ()>(Made::default()) }).await;
    assert_eq!(refused, Ok(None));
    assert_eq!(answers.get_or_ask(&asked(1), never).await, Ok(None));
    has(&metrics, "riveg_answers_negative_total{kind=\"expansion\"} 2");
    made_before(&answers, &asked(2), 2 * HOUR, None).await;
    let again = answers.get_or_ask(&asked(2), || async { Ok::<_, ()>(made("an answer")) }).await;
    assert_eq!(again.unwrap().as_deref(), Some("an answer"));
}

#[tokio::test]
async fn a_stale_answer_is_given_at_once_and_made_anew_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    made_before(&answers, &asked(1), 15 * HOUR, Some("old")).await;
    let (open, gate) = oneshot::channel::<Result<Made, &'static str>>();
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
async fn a_renewal_that_fails_or_comes_out_empty_leaves_the_stale_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    for (number, outcome) in [(1, Err("away")), (2, Ok(Made::default()))] {
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
async fn no_more_are_renewed_at_one_time_than_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.redb");
    let (answers, metrics) = opened(&Config { renewals: 2, ..config(Some(&file)) }).await;
    for number in 0..5 {
        made_before(&answers, &asked(number), 15 * HOUR, Some("old")).await;
        let make = std::future::pending::<Result<Made, ()>>;
        assert_eq!(answers.get_or_ask(&asked(number), make).await.unwrap().as_deref(), Some("old"));
    }
    has(&metrics, "riveg_answer_renewals_total{outcome=\"skipped\"} 3");
}

#[tokio::test]
async fn who_joins_a_renewal_that_fails_has_the_stale_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.redb");
    // Memory keeps nothing: whoever asks while it is renewed joins.
    let (answers, _) = opened(&Config { memory: ByteSize(0), ..config(Some(&file)) }).await;
    made_before(&answers, &asked(1), 15 * HOUR, Some("old")).await;
    let (open, gate) = oneshot::channel::<Result<Made, &'static str>>();
    let (begun, begins) = oneshot::channel();
    let make = || async {
        begun.send(()).unwrap();
        gate.await.unwrap()
    };
    assert_eq!(answers.get_or_ask(&asked(1), make).await.unwrap().as_deref(), Some("old"));
    begins.await.unwrap();
    let question = asked(1);
    let mut joining = Box::pin(answers.get_or_ask(&question, || async { Err::<Made, _>("not to be seen") }));
    assert!(joining.as_mut().now_or_never().is_none());
    open.send(Err("broken")).unwrap();
    assert_eq!(joining.await.unwrap().as_deref(), Some("old"));
}

#[tokio::test]
async fn when_the_one_who_asks_leaves_another_asks() {
    let (answers, _) = opened(&config(None)).await;
    let question = asked(1);
    let mut leaving =
        Box::pin(answers.get_or_ask(&question, std::future::pending::<Result<Made, &'static str>>));
    assert!(leaving.as_mut().now_or_never().is_none());
    let make = || async { Ok::<_, &'static str>(made("an answer")) };
    let mut waiting = Box::pin(answers.get_or_ask(&question, make));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(leaving);
    assert_eq!(waiting.await.unwrap().as_deref(), Some("an answer"));
}

#[tokio::test]
async fn what_is_kept_on_disk_is_believed_only_as_a_fresh_answer_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    // The rule of this question: one line, its first five words.
    let believe = |words: &str| {
        let first: Vec<&str> = words.split(' ').take(5).collect();
        (!words.contains('\n')).then(|| first.join(" "))
    };
    let question = |number| Asked { believe: Believe::new(believe), ..asked(number) };
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
async fn what_another_secret_or_none_has_signed_is_asked_anew() {
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
async fn a_clock_that_was_set_back_makes_nobody_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (answers, metrics) = opened(&config(Some(&folder.path().join("answers.redb")))).await;
    // Made five hours from now, as far as this clock knows.
    let made_at = millis(SystemTime::now() + 5 * HOUR);
    let record = Record::new(&asked(1), made("old"), made_at);
    answers.0.tiers.disk.as_ref().unwrap().keep(asked(1).id(), &record).await;
    let (open, gate) = oneshot::channel::<Result<Made, &'static str>>();
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
    fn two_questions_never_answer_for_each_other_and_memory_stays_in_its_bound(
        memory in 0_u64..4000,
        // Few keys, and kinds that share them: they would meet if they could.
        questions in prop::collection::vec((0..Kind::ALL.len(), 0_u8..6, "[a-z]{0,20}"), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("answers.redb");
            let (answers, _) = opened(&Config { memory: ByteSize(memory), ..config(Some(&file)) }).await;
            let mut first: BTreeMap<(usize, u8), String> = BTreeMap::new();
            for (kind, key, text) in questions {
                let question = Asked { subject: text.clone(), ..Asked::of(Kind::ALL[kind], [key; 32]) };
                let expected = first.entry((kind, key)).or_insert_with(|| text.clone()).clone();
                let answer =
                    answers.get_or_ask(&question, || async move { Ok::<_, ()>(made(&text)) }).await.unwrap();
                assert_eq!(answer.as_deref(), Some(expected.as_str()));
                assert!(answers.0.memory.counts().bytes as u64 <= memory);
            }
            answers.close().await;
        });
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused_and_an_address_is_never_shown() {
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
