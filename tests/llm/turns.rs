//! Concurrency, queueing, rate limits, and servers that demand a pause.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::join_all;
use riveg::llm::client::{Config, Endpoint};
use riveg::telemetry::LlmFault;
use tokio::time::{Instant, advance};

use super::{StandingClock, config, counts, endpoint, question, until};
use crate::support::llm::{Gate, LlmServer, Reply};

fn gated() -> (LlmServer, Gate) {
    let gate = Gate::shut();
    let held = gate.clone();
    (LlmServer::start(move |_| Reply::text("A").held(&held)), gate)
}

async fn ask(endpoint: &Endpoint) -> Result<String, LlmFault> {
    let asked = endpoint.ask(&question("Who?")).await;
    asked.map(|answer| answer.text).map_err(|error| error.class())
}

#[tokio::test]
async fn concurrent_questions_are_limited() {
    let (server, gate) = gated();
    let (endpoint, metrics) = endpoint(&Config { concurrency: 3, ..config(&server) });
    let steps = async {
        for answered in 0..12 {
            server.until_asked((answered + 3).min(12)).await;
            assert!(counts(&metrics, "in_flight", "", 3.min(12 - answered as u64)));
            gate.open(1);
            until("one more is answered", || {
                counts(&metrics, "requests_total", "outcome=\"answered\"", answered as u64 + 1)
            })
            .await;
        }
    };
    let (answers, ()) = tokio::join!(join_all((0..12).map(|_| ask(&endpoint))), steps);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!((server.asked(), server.most_at_once()), (12, 3));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_dropped_caller_frees_its_place() {
    let (server, gate) = gated();
    let (endpoint, metrics) = endpoint(&Config { concurrency: 1, max_waiting: 2, ..config(&server) });
    let mut asking: Vec<_> = (0..3).map(|_| Box::pin(ask(&endpoint))).collect();
    assert!(asking.iter_mut().all(|asked| asked.as_mut().now_or_never().is_none()));
    assert_eq!(ask(&endpoint).await, Err(LlmFault::Busy));
    drop(asking.pop());
    let mut late = Box::pin(ask(&endpoint));
    assert!(late.as_mut().now_or_never().is_none(), "it waits");
    assert_eq!(ask(&endpoint).await, Err(LlmFault::Busy));
    gate.open_for_good();
    let answers = join_all(asking.into_iter().chain([late])).await;
    assert_eq!(answers, vec![Ok("A".to_owned()); 3]);
    assert_eq!(server.most_at_once(), 1);
    assert!(counts(&metrics, "requests_total", "outcome=\"busy\"", 2));
    assert_eq!(endpoint.health(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_waits_too_long_fails_without_counting_against_the_endpoint() {
    let _standing = StandingClock::hold();
    let server = LlmServer::start(|_| Reply::text("A"));
    let config = Config {
        requests_per_minute: 1,
        breaker_failures: 1,
        patience: Duration::from_secs(30),
        ..config(&server)
    };
    let (endpoint, metrics) = endpoint(&config);
    // The burst is one request, the limit per minute.
    assert_eq!(ask(&endpoint).await, Ok("A".to_owned()));
    let mut late = Box::pin(ask(&endpoint));
    assert!(late.as_mut().now_or_never().is_none());
    advance(Duration::from_secs(31)).await;
    assert_eq!((late.await, server.asked()), (Err(LlmFault::Busy), 1));
    assert!(counts(&metrics, "attempts_total", "outcome=\"busy\"", 0), "it was not asked at all");
    assert_eq!(endpoint.health(), Ok(()));
    advance(Duration::from_secs(30)).await;
    assert_eq!(ask(&endpoint).await, Ok("A".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_respected_in_seconds_and_as_a_date() {
    let _standing = StandingClock::hold();
    let hour = Duration::from_secs(3600);
    let date = httpdate::fmt_http_date(SystemTime::now() + hour);
    for (after, short) in [("7".to_owned(), Duration::from_secs(6)), (date, hour - Duration::from_secs(90))] {
        let come = AtomicUsize::new(0);
        let said = after.clone();
        let server = LlmServer::start(move |_| match come.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::rate_limited(&said),
            _ => Reply::text("A"),
        });
        let (endpoint, metrics) = endpoint(&Config { retries: 1, ..config(&server) });
        let waited = async {
            until("the first attempt has failed", || {
                counts(&metrics, "attempts_total", "outcome=\"rate-limited\"", 1)
            })
            .await;
            let begun = Instant::now();
            advance(short).await;
            // Everything that could run too early runs now.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(server.asked(), 1, "{after}");
            advance(Duration::from_secs(90)).await;
            until("it is asked again", || server.asked() == 2).await;
            begun.elapsed()
        };
        let (answer, _) = tokio::join!(ask(&endpoint), waited);
        assert_eq!(answer, Ok("A".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_limit_is_kept() {
    let _standing = StandingClock::hold();
    let server = LlmServer::start(|_| Reply::text("A"));
    let config = Config { requests_per_minute: 30, concurrency: 2, ..config(&server) };
    let (endpoint, _) = endpoint(&config);
    let steps = async {
        for seconds in 0..4 {
            // A burst of two, then one every two seconds.
            server.until_asked(2 + seconds).await;
            advance(Duration::from_millis(1900)).await;
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(server.asked(), 2 + seconds);
            advance(Duration::from_millis(110)).await;
        }
    };
    let (answers, ()) = tokio::join!(join_all((0..6).map(|_| ask(&endpoint))), steps);
    assert_eq!(answers, vec![Ok("A".to_owned()); 6]);
}
