//! Replies of the fake server. Words, or any of the ways in which servers go wrong.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, header};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::cut::Cord;

/// One answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A whole answer of these words.
    Text(String),
    /// A whole answer with this message, which ended for this reason.
    Message(Value, &'static str),
    /// A status with headers and, in OpenAI's form, a word on what is wrong.
    Status(u16, Vec<(&'static str, String)>, String),
    /// These bytes as JSON, whatever they are.
    Bytes(Vec<u8>),
    /// The first half of a whole answer; then the connection ends.
    CutOff,
    /// The connection is reset before a word is said.
    Reset,
    /// A whole answer as a stream of events, which nobody asked for.
    EventStream,
    /// An answer that never ends.
    Endless,
    /// Another, as soon as the gate lets one through.
    Held(Gate, Box<Reply>),
}

/// Lets answers through, one for each time it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn shut() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets so many more through.
    pub(crate) fn open(&self, answers: usize) {
        self.0.add_permits(answers);
    }

    /// Lets all through from now on.
    pub(crate) fn open_for_good(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

impl Reply {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(crate) fn status(code: u16) -> Self {
        Self::Status(code, Vec::new(), format!("status {code}"))
    }

    /// Asks to be asked again after so long, in seconds or as a date.
    pub(crate) fn rate_limited(after: &str) -> Self {
        Self::Status(429, vec![("retry-after", after.to_owned())], "too many requests".to_owned())
    }

    pub(crate) fn held(self, gate: &Gate) -> Self {
        Self::Held(gate.clone(), Box::new(self))
    }

    /// The answer over HTTP. `cord` is that of the connection.
    pub(super) async fn given(self, model: &str, cord: &Cord) -> Response<Body> {
        let mut reply = self;
        while let Self::Held(gate, next) = reply {
            gate.pass().await;
            reply = *next;
        }
        match reply {
            Self::Text(text) => json_answer(completion(model, &json!({"content": text}), "stop")),
            Self::Message(message, finish) => json_answer(completion(model, &message, finish)),
            Self::Status(code, headers, message) => {
                let said = json!({"error": {"message": message}}).to_string();
                let mut answer = json_answer(said.into_bytes());
                *answer.status_mut() = StatusCode::from_u16(code).expect("a status");
                for (name, value) in headers {
                    answer.headers_mut().insert(name, value.parse().expect("a header"));
                }
                answer
            }
            Self::Bytes(bytes) => json_answer(bytes),
            Self::CutOff => {
                let whole = completion(model, &json!({"content": "cut off"}), "stop");
                let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
                // The half is on its way before the connection ends.
                let end = stream::once(async {
                    tokio::task::yield_now().await;
                    Err::<Bytes, _>(std::io::Error::other("cut off"))
                });
                let body = Body::from_stream(stream::iter([Ok(half)]).chain(end));
                answer(body, "application/json", Some(whole.len()))
            }
            Self::Reset => {
                cord.cut();
                json_answer(Vec::new())
            }
            Self::EventStream => {
                let event = json!({"choices": [{"delta": {"content": "A"}}]});
                answer(
                    Body::from(format!("data: {event}\n\ndata: [DONE]\n\n")),
                    "text/event-stream; charset=utf-8",
                    None,
                )
            }
            Self::Endless => {
                let chunk = Bytes::from_static(&[b' '; 4096]);
                let body = stream::repeat(chunk).map(Ok::<_, std::io::Error>);
                answer(Body::from_stream(body), "application/json", None)
            }
            Self::Held(..) => unreachable!("it was let through"),
        }
    }
}

/// A whole answer. Tokens are words here.
fn completion(model: &str, message: &Value, finish: &str) -> Vec<u8> {
    let words = message["content"].as_str().unwrap_or_default().split_whitespace().count();
    let mut message = message.clone();
    message["role"] = json!("assistant");
    let whole = json!({
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1, "completion_tokens": words, "total_tokens": 1 + words},
    });
    whole.to_string().into_bytes()
}

fn json_answer(body: Vec<u8>) -> Response<Body> {
    answer(Body::from(body), "application/json", None)
}

fn answer(body: Body, kind: &'static str, length: Option<usize>) -> Response<Body> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if let Some(length) = length {
        answer.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    answer
}
