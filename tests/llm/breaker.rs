//! Circuit breaker of an endpoint: opens after failures, lets one question through, closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use riveg::llm::client::Config;
use riveg::telemetry::LlmFault;
use tokio::time::advance;

use super::{StandingClock, config, counts, endpoint, question};
use crate::support::llm::{Gate, LlmServer, Reply};

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_refuses_lets_one_question_through_and_closes() {
    let _standing = StandingClock::hold();
    let (is_well, gate) = (Arc::new(AtomicBool::new(false)), Gate::shut());
    let (now_well, held) = (Arc::clone(&is_well), gate.clone());
    let server = LlmServer::start(move |_| {
        if now_well.load(Ordering::SeqCst) { Reply::text("A").held(&held) } else { Reply::status(500) }
    });
    let pause = Duration::from_secs(30);
    let config = Config { breaker_failures: 2, breaker_pause: pause, ..config(&server) };
    let (endpoint, metrics) = endpoint(&config);
    let ask = async || endpoint.ask(&question("Who?")).await;

    assert_eq!(ask().await.unwrap_err().class(), LlmFault::Server);
    assert_eq!(endpoint.health(), Ok(()));
    assert_eq!(ask().await.unwrap_err().class(), LlmFault::Server);
    assert!(counts(&metrics, "breaker_state", "", 2));
    let why = endpoint.health().unwrap_err();
    for part in ["`test` failed 2 questions in a row", "asked again in 30s", "answered 500", "status 500"] {
        assert!(why.contains(part), "{part} is not in {why}");
    }

    // The breaker is open: nothing is sent.
    let refused = ask().await.unwrap_err();
    assert_eq!((refused.class(), server.asked()), (LlmFault::Open, 2), "{refused}");
    advance(pause).await;
    assert_eq!(ask().await.unwrap_err().class(), LlmFault::Server, "one finds out that it is still away");
    assert_eq!((ask().await.unwrap_err().class(), server.asked()), (LlmFault::Open, 3));

    advance(pause).await;
    is_well.store(true, Ordering::SeqCst);
    assert!(endpoint.health().unwrap_err().contains("the next question finds out"));
    let mut probe = Box::pin(ask());
    assert!(probe.as_mut().now_or_never().is_none());
    assert!(counts(&metrics, "breaker_state", "", 1));
    assert!(endpoint.health().unwrap_err().contains("one question now"));
    assert_eq!(ask().await.unwrap_err().class(), LlmFault::Open, "one is enough to find out");
    // The probing caller is dropped: another one may probe.
    drop(probe);
    let mut probe = Box::pin(ask());
    assert!(probe.as_mut().now_or_never().is_none());
    gate.open_for_good();
    assert_eq!(probe.await.unwrap().text, "A");
    assert_eq!(endpoint.health(), Ok(()));
    assert!(counts(&metrics, "breaker_state", "", 0));
    assert_eq!(ask().await.unwrap().text, "A");
}

#[tokio::test]
async fn refused_questions_do_not_open_the_breaker_and_faults_of_the_settings_do() {
    for (reply, opens) in [
        (Reply::status(400), false),
        (Reply::status(413), false),
        (Reply::status(422), false),
        (Reply::status(401), true),
        (Reply::status(404), true),
        (Reply::Bytes(b"nonsense".to_vec()), true),
        (Reply::Endless, true),
        (Reply::rate_limited("0"), true),
        (Reply::CutOff, true),
    ] {
        let case = format!("{reply:?}");
        let server = LlmServer::start(move |_| reply.clone());
        let (endpoint, _) = endpoint(&Config { breaker_failures: 2, ..config(&server) });
        for _ in 0..3 {
            let _failed = endpoint.ask(&question("Who?")).await.unwrap_err();
        }
        assert_eq!(
            (endpoint.health().is_err(), server.asked()),
            (opens, if opens { 2 } else { 3 }),
            "{case}"
        );
    }
}
