//! Questions and answers: transferred unchanged.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use riveg::llm::client::{Answer, Config, FinishReason, Picture, Question, TokenLimit};
use serde_json::json;

use super::{config, counts, endpoint, question};
use crate::support::llm::{Asked, LlmServer, Reply};

/// A server that records its requests.
fn remembering(reply: Reply) -> (LlmServer, Arc<Mutex<Vec<Asked>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&seen);
    let server = LlmServer::start(move |asked| {
        remembered.lock().unwrap().push(asked.clone());
        reply.clone()
    });
    (server, seen)
}

#[tokio::test]
async fn a_question_arrives_with_its_parameters_and_its_picture() {
    let (server, seen) = remembering(Reply::text("A red bridge."));
    let config = Config {
        api_key: "canary".into(),
        temperature: Some(0.25),
        max_tokens: 60,
        seed: Some(11),
        stop: vec!["\n\n".to_owned()],
        ..config(&server)
    };
    let (endpoint, metrics) = endpoint(&config);
    // Larger than the default body limit of servers.
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let picture = Picture { bytes: Bytes::from(bytes.clone()), media_type: "image/png" };
    let asked = Question {
        system: "You are brief.".to_owned(),
        prompt: "What is \u{201e}it\u{201c}? \u{1f309}\n\"{}\\".to_owned(),
        pictures: vec![picture],
        ..Question::default()
    };
    let answer = endpoint.ask(&asked).await.unwrap();
    let expected = Answer {
        text: "A red bridge.".to_owned(),
        has_reasoning: false,
        finish: FinishReason::Stop,
        tokens_in: 1,
        tokens_out: 3,
    };
    assert_eq!(answer, expected);
    let seen = seen.lock().unwrap();
    let [seen] = &seen[..] else { panic!("{} questions", seen.len()) };
    assert_eq!(seen.text, format!("{}\n{}", asked.system, asked.prompt));
    assert!(seen.pictures == [("image/png".to_owned(), bytes)], "the picture's bytes are others");
    assert_eq!((seen.model.as_str(), seen.authorization.as_deref()), ("small", Some("Bearer canary")));
    let parameters =
        json!({"model": "small", "temperature": 0.25, "max_tokens": 60, "seed": 11, "stop": ["\n\n"]});
    assert_eq!(seen.parameters, parameters);
    let told: serde_json::Value = serde_json::from_str(&endpoint.parameters()).unwrap();
    assert_eq!(told["seed"], parameters["seed"], "what decides the answer is what is sent");
    for (name, labels, value) in [
        ("requests_total", "outcome=\"answered\"", 1),
        ("attempts_total", "outcome=\"answered\"", 1),
        ("tokens_total", "direction=\"in\"", 1),
        ("tokens_total", "direction=\"out\"", 3),
        ("seconds_count", "", 1),
        ("in_flight", "", 0),
        ("breaker_state", "", 0),
    ] {
        assert!(counts(&metrics, name, labels, value), "{name} {labels} {value}");
    }
}

#[tokio::test]
async fn fields_without_a_setting_are_not_sent() {
    let (server, seen) = remembering(Reply::text("A"));
    let plain = config(&server);
    endpoint(&plain).0.ask(&question("Who?")).await.unwrap();
    let newer = Config { token_limit: TokenLimit::MaxCompletionTokens, url: server.url() + "/", ..plain };
    endpoint(&newer).0.ask(&question("Who?")).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].parameters, json!({"model": "small", "max_tokens": 400}));
    assert_eq!(seen[1].parameters, json!({"model": "small", "max_completion_tokens": 400}));
    assert_eq!((seen[0].text.as_str(), seen[0].authorization.as_ref()), ("Who?", None));
}

#[tokio::test]
async fn an_empty_answer_or_a_refusal_is_an_answer() {
    let content = |content| json!({"content": content});
    let refusal = json!({"content": null, "refusal": "I cannot help with that."});
    for (message, finish, expected) in [
        (content(Some("")), "stop", ("", FinishReason::Stop)),
        (content(None), "length", ("", FinishReason::Length)),
        (refusal, "stop", ("", FinishReason::Filtered)),
        (content(Some("A red bri")), "length", ("A red bri", FinishReason::Length)),
        (content(Some("A")), "content_filter", ("A", FinishReason::Filtered)),
        (content(Some("A")), "eos", ("A", FinishReason::Stop)),
        (content(Some("A")), "paused", ("A", FinishReason::Other)),
    ] {
        let server = LlmServer::start(move |_| Reply::Message(message.clone(), finish));
        let (endpoint, _) = endpoint(&config(&server));
        let answer = endpoint.ask(&question("Who?")).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), expected);
    }
}

#[test]
fn an_endpoint_that_cannot_be_set_up_names_the_setting() {
    let metrics = riveg::telemetry::Metrics::new();
    let config = Config { url: "http://host/v1?key=canary".to_owned(), ..Config::default() };
    let error =
        riveg::llm::client::Endpoint::new("large", &config, metrics.llm("large")).unwrap_err().to_string();
    assert!(error.contains("`url` of the language model `large` must be"), "{error}");
    assert!(!error.contains("canary"), "{error}");
}
