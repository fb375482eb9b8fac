//! Response format: requested where the server supports it, plain text where it does not.

use std::sync::{Arc, Mutex};

use riveg::llm::client::{AnswerSchema, Config, Question, ResponseFormat};
use serde_json::{Value, json};

use super::{config, counts, endpoint};
use crate::support::llm::{LlmServer, Reply};

fn asking(prompt: &str) -> Question {
    Question { prompt: prompt.to_owned(), schema: Some(AnswerSchema::Text("phrase")), ..Question::default() }
}

/// A server that refuses requests with the message of `refuses`, and records the requested formats.
fn strict(refuses: fn(&Value, &str) -> Option<&'static str>) -> (LlmServer, Arc<Mutex<Vec<Value>>>) {
    let formats = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&formats);
    let server = LlmServer::start(move |asked| {
        let format = asked.parameters["response_format"]["type"].clone();
        kept.lock().unwrap().push(format.clone());
        match refuses(&format, &asked.text) {
            Some(why) => Reply::Status(400, Vec::new(), why.to_owned()),
            None if format.is_null() => Reply::text("a stone bridge"),
            None => Reply::text("{\"phrase\": \"a stone bridge\"}"),
        }
    });
    (server, formats)
}

/// Whether the metric shows this format as in use.
fn in_use(metrics: &riveg::telemetry::Metrics, format: &str, value: u64) -> bool {
    counts(metrics, "response_format", &format!("format=\"{format}\""), value)
}

#[tokio::test]
async fn a_server_that_supports_a_schema_gets_it_with_every_question_that_has_a_field() {
    let (server, formats) = strict(|_, _| None);
    let (endpoint, metrics) = endpoint(&config(&server));
    for prompt in ["one", "two"] {
        assert_eq!(endpoint.ask(&asking(prompt)).await.unwrap().text, "{\"phrase\": \"a stone bridge\"}");
    }
    assert_eq!(*formats.lock().unwrap(), [json!("json_schema"), json!("json_schema")]);
    assert!(in_use(&metrics, "json-schema", 1) && in_use(&metrics, "none", 0), "{}", metrics.render());
}

#[tokio::test]
async fn a_server_without_schema_support_is_asked_for_plain_text_from_then_on_and_the_metric_shows_it() {
    let (server, formats) = strict(|format, _| (!format.is_null()).then_some("unknown argument"));
    let (endpoint, metrics) = endpoint(&config(&server));
    for prompt in ["one", "two"] {
        assert_eq!(endpoint.ask(&asking(prompt)).await.unwrap().text, "a stone bridge");
    }
    assert_eq!(*formats.lock().unwrap(), [json!("json_schema"), Value::Null, Value::Null]);
    assert!(in_use(&metrics, "json-schema", 0) && in_use(&metrics, "none", 1), "{}", metrics.render());
    assert!(counts(&metrics, "requests_total", "outcome=\"answered\"", 2), "{}", metrics.render());
}

#[tokio::test]
async fn a_question_that_is_refused_in_any_format_changes_nothing_for_others() {
    // A post could cause such a message if the server quotes the request.
    let (server, formats) =
        strict(|_, text| text.contains("bad").then_some("response_format is in your prompt"));
    let (endpoint, metrics) = endpoint(&config(&server));
    for prompt in ["bad", "good", "bad", "good"] {
        assert_eq!(endpoint.ask(&asking(prompt)).await.is_ok(), prompt == "good");
    }
    let (schema, plain) = (json!("json_schema"), Value::Null);
    let expected = [&schema, &plain, &schema, &schema, &plain, &schema].map(Value::clone);
    assert_eq!(*formats.lock().unwrap(), expected);
    assert!(in_use(&metrics, "json-schema", 1), "{}", metrics.render());
}

#[tokio::test]
async fn the_settings_choose_the_format() {
    for (format, expected) in
        [(ResponseFormat::JsonObject, json!("json_object")), (ResponseFormat::None, Value::Null)]
    {
        let (server, formats) = strict(|_, _| None);
        let (endpoint, metrics) = endpoint(&Config { response_format: format, ..config(&server) });
        endpoint.ask(&asking("one")).await.unwrap();
        assert_eq!(*formats.lock().unwrap(), [expected]);
        assert!(in_use(&metrics, format.as_str(), 1), "{}", metrics.render());
    }
}
