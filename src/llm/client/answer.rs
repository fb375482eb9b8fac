//! Server answers: parsed leniently, because servers omit fields of OpenAI's format and only the text is required.

use serde_json::Value;

/// The answer of a language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text as it came; may be empty.
    pub text: String,
    /// Whether the server returned the model's reasoning in a field of its own.
    pub has_reasoning: bool,
    /// Why the answer ended.
    pub finish: FinishReason,
    /// Tokens of the question, as the server counts them; 0 if it does not say.
    pub tokens_in: u64,
    /// Tokens of the answer, as the server counts them; 0 if it does not say.
    pub tokens_out: u64,
}

impl Answer {
    /// Parses the body of a chat completion.
    ///
    /// # Errors
    /// What is missing or wrong, as the rest of a sentence that begins with "an answer that".
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        read(body)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The answer is complete.
    Stop,
    /// The token limit was reached; the rest is missing.
    Length,
    /// The model or its server refused.
    Filtered,
    /// Another reason, or none given.
    Other,
}

/// Parses the first choice of a chat completion.
///
/// # Errors
/// As [`Answer::from_body`].
pub(super) fn read(body: &[u8]) -> Result<Answer, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("is no JSON: {error}"))?;
    let Some(choice) = value.pointer("/choices/0") else {
        return Err(match words(&value) {
            Some(words) => format!("holds no choice: {words}"),
            None => "holds no choice".to_owned(),
        });
    };
    let Some(message) = choice.get("message").filter(|message| message.is_object()) else {
        return Err("holds a choice without a message".to_owned());
    };
    let text = match message.get("content") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<String>()
        }
        Some(_) => return Err("holds a message whose content is no text".to_owned()),
    };
    let reasoning = ["reasoning_content", "reasoning", "thinking"];
    let has_reasoning = reasoning.iter().any(|name| match message.get(name) {
        Some(Value::String(text)) => !text.trim().is_empty(),
        _ => false,
    });
    let is_refusal = text.is_empty()
        && message.get("refusal").and_then(Value::as_str).is_some_and(|refusal| !refusal.is_empty());
    let finish = match choice.get("finish_reason").and_then(Value::as_str) {
        _ if is_refusal => FinishReason::Filtered,
        // Other names are those of servers that differ from OpenAI.
        Some("stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence") => FinishReason::Stop,
        Some("length" | "max_tokens" | "model_length") => FinishReason::Length,
        Some("content_filter" | "safety") => FinishReason::Filtered,
        _ => FinishReason::Other,
    };
    let tokens = |path| value.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    Ok(Answer {
        text,
        has_reasoning,
        finish,
        tokens_in: tokens("/usage/prompt_tokens"),
        tokens_out: tokens("/usage/completion_tokens"),
    })
}

/// The error message in a body, where servers put it; none if there is none.
pub(super) fn error_message(body: &[u8]) -> Option<String> {
    words(&serde_json::from_slice(body).ok()?)
}

fn words(value: &Value) -> Option<String> {
    let places = ["/error/message", "/error", "/message", "/detail"];
    let message = places.iter().find_map(|place| value.pointer(place)?.as_str());
    message.map(str::trim).filter(|message| !message.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn answer(text: &str, finish: FinishReason, (tokens_in, tokens_out): (u64, u64)) -> Answer {
        Answer { text: text.to_owned(), has_reasoning: false, finish, tokens_in, tokens_out }
    }

    /// A whole answer in OpenAI's format.
    fn whole() -> Value {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "small",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "A bridge.", "refusal": null},
                         "logprobs": null, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34},
        })
    }

    #[test]
    fn an_answer_with_missing_fields_is_parsed() {
        let of = |message: Value, finish: Value| json!({"choices": [{"message": message, "finish_reason": finish}]});
        let text = |text: &str| json!({"content": text});
        let stop = || json!("stop");
        let cases = [
            (whole(), answer("A bridge.", FinishReason::Stop, (30, 4))),
            (json!({"choices": [{"message": text("A")}]}), answer("A", FinishReason::Other, (0, 0))),
            (of(text("A"), json!("eos_token")), answer("A", FinishReason::Stop, (0, 0))),
            (of(text("A"), json!("paused")), answer("A", FinishReason::Other, (0, 0))),
            (of(text("A"), json!("model_length")), answer("A", FinishReason::Length, (0, 0))),
            (
                of(json!({"content": null, "reasoning_content": "Okay"}), json!("length")),
                Answer { has_reasoning: true, ..answer("", FinishReason::Length, (0, 0)) },
            ),
            (of(text("A"), json!(7)), answer("A", FinishReason::Other, (0, 0))),
            (of(text("A"), json!("length")), answer("A", FinishReason::Length, (0, 0))),
            (of(text(""), stop()), answer("", FinishReason::Stop, (0, 0))),
            (of(text(" \u{e9} \n"), stop()), answer(" \u{e9} \n", FinishReason::Stop, (0, 0))),
            (of(json!({"content": null}), json!("length")), answer("", FinishReason::Length, (0, 0))),
            (of(json!({"role": "assistant"}), json!("tool_calls")), answer("", FinishReason::Other, (0, 0))),
            (
                of(json!({"content": null, "refusal": "No."}), stop()),
                answer("", FinishReason::Filtered, (0, 0)),
            ),
            (of(json!({"content": "A", "refusal": ""}), stop()), answer("A", FinishReason::Stop, (0, 0))),
            (of(text("A"), json!("content_filter")), answer("A", FinishReason::Filtered, (0, 0))),
            (
                of(
                    json!({"content": [{"type": "text", "text": "A "}, {"type": "x"}, {"text": "B"}]}),
                    stop(),
                ),
                answer("A B", FinishReason::Stop, (0, 0)),
            ),
            (
                json!({"choices": [{"message": text("A")}], "usage": {"prompt_tokens": -1, "completion_tokens": 4}}),
                answer("A", FinishReason::Other, (0, 4)),
            ),
            (
                json!({"choices": [{"message": text("A")}], "usage": null}),
                answer("A", FinishReason::Other, (0, 0)),
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(read(body.to_string().as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn a_body_without_an_answer_is_refused_with_what_is_missing() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let cut = whole().to_string();
        let cases: [(&[u8], &str); 13] = [
            (b"", "is no JSON: EOF"),
            (b"Service Unavailable", "is no JSON"),
            (b"\xff\xfe", "is no JSON"),
            (cut.as_bytes().split_at(cut.len() / 2).0, "is no JSON: EOF"),
            (deep.as_bytes(), "is no JSON: recursion limit"),
            (b"data: {\"choices\": []}\n\n", "is no JSON"),
            (b"null", "holds no choice"),
            (b"{\"choices\": []}", "holds no choice"),
            (b"{\"choices\": {\"0\": 1}}", "holds a choice without a message"),
            (b"{\"error\": {\"message\": \"model is loading\"}}", "holds no choice: model is loading"),
            (b"{\"choices\": [{\"text\": \"A\"}]}", "holds a choice without a message"),
            (b"{\"choices\": [{\"message\": \"A\"}]}", "holds a choice without a message"),
            (b"{\"choices\": [{\"message\": {\"content\": 7}}]}", "whose content is no text"),
        ];
        for (body, expected) in cases {
            let fault = read(body).unwrap_err();
            assert!(fault.contains(expected), "{fault}: {}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_error_message_is_found_where_servers_put_it() {
        for (body, expected) in [
            (r#"{"error": {"message": " no such model ", "type": "x"}}"#, Some("no such model")),
            (r#"{"error": "no such model"}"#, Some("no such model")),
            (r#"{"object": "error", "message": "too long"}"#, Some("too long")),
            (r#"{"detail": "Not Found"}"#, Some("Not Found")),
            (r#"{"detail": [{"loc": "body"}]}"#, None),
            (r#"{"error": ""}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(error_message(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    /// Bytes of an answer with some changed, inserted or cut off.
    fn damaged() -> impl Strategy<Value = Vec<u8>> {
        let harm = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
        prop::collection::vec(harm, 0..12).prop_map(|harms| {
            let mut body = whole().to_string().into_bytes();
            for (at, byte, how) in harms {
                let at = at.index(body.len());
                match how {
                    0 => body[at] = byte,
                    1 => body.insert(at, byte),
                    _ => body.truncate(at.max(1)),
                }
            }
            body
        })
    }

    /// Any JSON with the field names that the parser reads.
    fn json_of_any_shape() -> impl Strategy<Value = Value> {
        let name = prop::sample::select(vec![
            "choices",
            "message",
            "content",
            "text",
            "refusal",
            "reasoning_content",
            "finish_reason",
            "usage",
            "error",
            "0",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 48, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..4).prop_map(|entries| {
                    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = (read(&body), error_message(&body));
        }

        #[test]
        fn a_damaged_answer_never_panics_and_is_parsed_if_it_is_still_one(body in damaged()) {
            let _ = error_message(&body);
            if let Ok(answer) = read(&body) {
                let value: Value = serde_json::from_slice(&body).expect("it was read");
                prop_assert!(answer.text.len() <= value.to_string().len());
            }
        }

        #[test]
        fn no_shape_of_json_panics(value in json_of_any_shape()) {
            let body = json!({"choices": [value.clone()]}).to_string();
            let _ = (read(body.as_bytes()), read(value.to_string().as_bytes()), words(&value));
        }
    }
}
