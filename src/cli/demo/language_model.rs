//! Language model of the demonstration: a stand-in behind HTTP that knows the names of the posts.
//!
//! The engine asks it as it asks any model: through the cache of answers, by OpenAI's protocol. Its facts are those of the
//! lexicon that comes with the posts. It answers nothing but the questions that the engine asks about these names.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::Failure;
use crate::config::Config;
use crate::domain::{EntityType, Mention, Span};
use crate::stages::expand::{Context, ExpansionPrompt, Scope, SourceName};

/// Its name among the models of the settings, and the model's name.
const NAME: &str = "stand-in";

/// Its answer about a name that it does not know.
const UNKNOWN: &str = "I do not know.";

/// Answers questions until it is dropped.
pub(super) struct LanguageModel {
    _stop: DropGuard,
}

/// A line of the lexicon.
#[derive(Deserialize)]
struct Fact {
    surface: String,
    r#type: String,
    expansion: String,
}

/// A request in OpenAI's protocol.
#[derive(Deserialize)]
struct Request {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

impl LanguageModel {
    /// Serves the facts of a lexicon on a free local port, and lets the engine take its expansions from there alone.
    pub(super) async fn start(lexicon: &Path, config: &mut Config) -> Result<Self, Failure> {
        let facts = Arc::new(facts(&fs::read_to_string(lexicon)?)?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let answer = async move |body: Bytes| match serde_json::from_slice(&body) {
            Ok(request) => {
                Ok(([(header::CONTENT_TYPE, "application/json")], completion(&request, &facts).to_string()))
            }
            Err(error) => Err((StatusCode::BAD_REQUEST, error.to_string())),
        };
        let router = Router::new().route("/v1/chat/completions", post(answer));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        let mut model = config.llm.get("default").cloned().ok_or("the settings have no [llm.default]")?;
        model.url = format!("http://{address}/v1");
        NAME.clone_into(&mut model.model);
        config.llm.insert(NAME.to_owned(), model);
        config.expand.sources = vec![SourceName::Llm];
        config.expand.endpoints = vec![NAME.to_owned()];
        // A name that is in the news is asked about once.
        config.expand.scope = Scope::Entity;
        Ok(Self { _stop: stop.drop_guard() })
    }
}

/// What it answers, by the last paragraph of the question.
fn facts(lexicon: &str) -> Result<HashMap<String, String>, Failure> {
    let prompt = ExpansionPrompt::default();
    let lines = lexicon.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let Fact { surface, r#type, expansion } = serde_json::from_str(line)?;
            let span = Span { start: 0, end: 0, byte_start: 0, byte_end: 0 };
            let mention = Mention { text: surface, entity_type: EntityType::new(&r#type), span, score: 1.0 };
            let question = prompt.question(&mention, &Context::default(), Scope::Entity);
            Ok((asked(&question.prompt), expansion))
        })
        .collect()
}

/// The last paragraph, in which case does not matter, as in a lexicon.
fn asked(prompt: &str) -> String {
    prompt.rsplit("\n\n").next().unwrap_or(prompt).to_lowercase()
}

/// A whole answer. It counts words in place of tokens.
fn completion(request: &Request, facts: &HashMap<String, String>) -> Value {
    let question = request.messages.last().map_or("", |message| message.content.as_str());
    let answer = facts.get(&asked(question)).map_or(UNKNOWN, String::as_str);
    let words = |text: &str| text.split_whitespace().count();
    let (tokens_in, tokens_out) =
        (request.messages.iter().map(|message| words(&message.content)).sum::<usize>(), words(answer));
    json!({
        "object": "chat.completion",
        "model": NAME,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"},
        ],
        "usage": {
            "prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_question_about_a_name_has_its_fact_and_another_has_none() {
        let lexicon =
            "{\"surface\": \"Ada's Bar\", \"type\": \"LOC\", \"expansion\": \"a bar with a red door\"}\n\n";
        let facts = facts(lexicon).unwrap();
        let about = |name: &str, entity_type: &str| {
            let span = Span { start: 3, end: 9, byte_start: 3, byte_end: 9 };
            let mention = Mention {
                text: name.to_owned(),
                entity_type: EntityType::new(entity_type),
                span,
                score: 0.5,
            };
            let question = ExpansionPrompt::default().question(&mention, &Context::default(), Scope::Entity);
            let messages = [question.system, question.prompt].map(|content| Message { content });
            let answer = completion(&Request { messages: messages.into() }, &facts);
            answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
        };
        assert_eq!(about("ADA'S BAR", "LOC"), "a bar with a red door");
        assert_eq!([about("Ada's Bar", "PER"), about("Ada", "LOC")], [UNKNOWN; 2]);
    }
}
