//! Faults of the client: the class of each, and which ones are retried.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use riveg::llm::client::{Config, LlmError};
use riveg::telemetry::LlmFault;

use super::{config, counts, endpoint, question};
use crate::support::llm::{Gate, LlmServer, Reply};

/// An address without a listener: a port that was free a moment ago.
fn nobody() -> String {
    format!("http://{}/v1", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

async fn failure(reply: Reply) -> (LlmError, usize) {
    let server = LlmServer::start(move |_| reply.clone());
    let config = Config { retries: 2, ..config(&server) };
    let (endpoint, metrics) = endpoint(&config);
    let error = endpoint.ask(&question("Who?")).await.unwrap_err();
    let outcome = format!("outcome=\"{}\"", error.class().as_str());
    assert!(counts(&metrics, "requests_total", &outcome, 1), "{error}");
    assert!(counts(&metrics, "attempts_total", &outcome, server.asked() as u64), "{error}");
    (error, server.asked())
}

#[tokio::test]
async fn every_fault_has_its_class_and_only_transient_ones_are_retried() {
    use LlmFault::{Connection, Malformed, RateLimited, Refused, Server, Timeout, TooLarge};
    let moved = |to: &str| Reply::Status(307, vec![("location", to.to_owned())], String::new());
    let cases = [
        (Reply::status(500), Server, 3, "answered 500 Internal Server Error: status 500"),
        (Reply::status(503), Server, 3, "503"),
        (Reply::status(409), Server, 3, "409"),
        (Reply::status(408), Timeout, 3, "408"),
        (Reply::rate_limited("0"), RateLimited, 3, "answered 429 Too Many Requests: too many requests"),
        (Reply::rate_limited("86400"), RateLimited, 1, "429"),
        (Reply::status(400), Refused, 1, "answered 400 Bad Request: status 400"),
        (Reply::status(401), Refused, 1, "so it does not accept `api_key`: status 401"),
        (Reply::status(403), Refused, 1, "so it does not accept `api_key`"),
        (Reply::status(404), Refused, 1, "so `url` or `model` is not one of its own"),
        (moved("http://127.0.0.1:1/"), Refused, 1, "redirects are not followed"),
        (Reply::Reset, Connection, 3, "was not reached at `http://127.0.0.1:"),
        (Reply::CutOff, Connection, 3, "broke off its answer"),
        (Reply::EventStream, Malformed, 1, "stream of events, which was not asked for"),
        (Reply::Bytes(b"<html>".to_vec()), Malformed, 1, "is no JSON"),
        (
            Reply::Bytes(br#"{"choices": [{"message": {"content": "A"#.to_vec()),
            Malformed,
            1,
            "is no JSON: EOF",
        ),
        (Reply::Bytes(br#"{"choices": []}"#.to_vec()), Malformed, 1, "holds no choice"),
        (Reply::Bytes(Vec::new()), Malformed, 1, "is no JSON"),
        (
            Reply::Bytes(vec![b' '; 100_000]),
            TooLarge,
            1,
            "answers 100000 bytes, more than the 65536 of max_answer",
        ),
        (Reply::Endless, TooLarge, 1, "answers more than the 65536 bytes of max_answer"),
    ];
    for (reply, class, attempts, part) in cases {
        let case = format!("{reply:?}");
        let (error, asked) = failure(reply).await;
        assert_eq!((error.class(), asked), (class, attempts), "{case:.80}: {error}");
        let said = error.to_string();
        assert!(said.starts_with("the language model `test` ") && said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn an_unreachable_server_fails_after_all_retries() {
    let server = LlmServer::start(|_| Reply::text("A"));
    let config = Config { url: nobody(), retries: 2, ..config(&server) };
    let (endpoint, metrics) = endpoint(&config);
    let error = endpoint.ask(&question("Who?")).await.unwrap_err();
    assert_eq!(error.class(), LlmFault::Connection);
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(counts(&metrics, "attempts_total", "outcome=\"connection\"", 3));
    assert_eq!(endpoint.reachable().await.unwrap_err().class(), LlmFault::Connection);
    assert_eq!(endpoint.health(), Ok(()), "one question tells little");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_the_timeout_and_no_more() {
    // Nothing else runs while the server is silent, so the paused clock jumps.
    let gate = Gate::shut();
    let held = gate.clone();
    let server = LlmServer::start(move |_| Reply::text("late").held(&held));
    server.list_models(Reply::text("late").held(&gate));
    let second = Duration::from_secs(1);
    let patient = Config { timeout: second, retries: 2, patience: 60 * second, ..config(&server) };
    let (endpoint_, metrics) = endpoint(&patient);
    let error = endpoint_.ask(&question("Who?")).await.unwrap_err();
    assert_eq!(error.class(), LlmFault::Timeout, "{error}");
    assert!(error.to_string().contains("no answer within 1.0s"), "{error}");
    assert!(counts(&metrics, "attempts_total", "outcome=\"timeout\"", 3));
    let error = endpoint_.reachable().await.unwrap_err();
    assert_eq!(error.class(), LlmFault::Timeout, "{error}");
    // The patience is shorter than one attempt.
    let begun = tokio::time::Instant::now();
    let (hasty, _) = endpoint(&Config { patience: second, timeout: 60 * second, ..patient });
    let error = hasty.ask(&question("Who?")).await.unwrap_err();
    assert_eq!(error.class(), LlmFault::Timeout, "{error}");
    assert!(begun.elapsed() < 2 * second, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_caller_does_not_see_a_transient_fault() {
    let faults = [Reply::status(502), Reply::Reset, Reply::CutOff, Reply::rate_limited("0")];
    let come = AtomicUsize::new(0);
    let server = LlmServer::start(move |_| {
        let at = come.fetch_add(1, Ordering::Relaxed);
        faults.get(at).cloned().unwrap_or(Reply::text("A bridge."))
    });
    let (endpoint, metrics) = endpoint(&Config { retries: 4, ..config(&server) });
    assert_eq!(endpoint.ask(&question("Who?")).await.unwrap().text, "A bridge.");
    for (outcome, attempts) in [("server", 1), ("connection", 2), ("rate-limited", 1), ("answered", 1)] {
        assert!(counts(&metrics, "attempts_total", &format!("outcome=\"{outcome}\""), attempts), "{outcome}");
    }
    assert!(counts(&metrics, "requests_total", "outcome=\"answered\"", 1));
}

#[tokio::test]
async fn a_server_is_reachable_if_it_accepts_the_key_whether_or_not_it_lists_its_models() {
    let server = LlmServer::start(|_| Reply::text("A"));
    let (endpoint, metrics) = endpoint(&config(&server));
    assert_eq!(endpoint.reachable().await, Ok(()));
    for code in [404, 405, 501] {
        server.list_models(Reply::status(code));
        assert_eq!(endpoint.reachable().await, Ok(()), "{code}");
    }
    for (reply, class, part) in [
        (Reply::status(401), LlmFault::Refused, "does not accept `api_key`"),
        (Reply::status(503), LlmFault::Server, "503"),
        (Reply::rate_limited("1"), LlmFault::RateLimited, "429"),
        (Reply::Reset, LlmFault::Connection, "was not reached"),
    ] {
        server.list_models(reply);
        let error = endpoint.reachable().await.unwrap_err();
        assert!(error.class() == class && error.to_string().contains(part), "{error}");
    }
    assert_eq!(server.asked(), 0);
    assert!(counts(&metrics, "attempts_total", "outcome=\"refused\"", 0), "a look is no question");
}
