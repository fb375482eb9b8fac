//! What is the server sent? OpenAI's request of a chat completion; only what is set is said, so that any server takes it.

use async_openai::types::chat::{
    ChatCompletionRequestMessage, ChatCompletionRequestMessageContentPartImage,
    ChatCompletionRequestMessageContentPartText, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestSystemMessageContent, ChatCompletionRequestUserMessage,
    ChatCompletionRequestUserMessageContent, ChatCompletionRequestUserMessageContentPart,
    CreateChatCompletionRequest, ImageUrl, StopConfiguration,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::config::{Config, TokenLimit};
use super::extra;
use super::question::{Picture, Question};
use super::structured::{ResponseFormat, instruction};

/// The request that asks a question, for an answer of this form.
pub(super) fn body(config: &Config, question: &Question, format: ResponseFormat) -> String {
    let requested = question.field.and_then(|field| Some((format.requested(field)?, instruction(field))));
    let (format, told) = requested.map_or((None, None), |(format, told)| (Some(format), Some(told)));
    let messages = messages(question, told.as_deref());
    let mut request = object(&CreateChatCompletionRequest { messages, ..settings(config) });
    request.extend(format.map(|format| ("response_format".to_owned(), format)));
    extra::merge(&mut request, &config.extra);
    Value::Object(request).to_string()
}

/// All of a request but its messages: what decides the answer besides the question. The form is the one of the settings,
/// also for a server that does not take it: that is a part of the server, as its own defaults are.
pub(super) fn parameters(config: &Config) -> String {
    /// Stands for the field of any question.
    const ANY: &str = "any";
    let mut request = object(&settings(config));
    if let Some(format) = config.response_format.requested(ANY) {
        request.insert("response_format".to_owned(), format);
        request.insert("instruction".to_owned(), Value::String(instruction(ANY)));
    }
    extra::merge(&mut request, &config.extra);
    Value::Object(request).to_string()
}

#[expect(
    deprecated,
    reason = "`max_tokens` and `seed` are so for OpenAI alone; other servers know no other names"
)]
fn settings(config: &Config) -> CreateChatCompletionRequest {
    let limit = |name| (config.token_limit == name).then_some(config.max_tokens);
    CreateChatCompletionRequest {
        model: config.model.clone(),
        temperature: config.temperature,
        max_tokens: limit(TokenLimit::MaxTokens),
        max_completion_tokens: limit(TokenLimit::MaxCompletionTokens),
        seed: config.seed,
        stop: (!config.stop.is_empty()).then(|| StopConfiguration::StringArray(config.stop.clone())),
        ..CreateChatCompletionRequest::default()
    }
}

fn messages(question: &Question, told: Option<&str>) -> Vec<ChatCompletionRequestMessage> {
    let mut system = question.system.trim_end().to_owned();
    if let Some(told) = told {
        system.push_str(if system.is_empty() { "" } else { "\n\n" });
        system.push_str(told);
    }
    let system = (!system.is_empty()).then(|| {
        let content = ChatCompletionRequestSystemMessageContent::Text(system);
        ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage { content, name: None })
    });
    let content = match &question.picture {
        // Servers of models that see nothing know no parts.
        None => ChatCompletionRequestUserMessageContent::Text(question.prompt.clone()),
        Some(picture) => ChatCompletionRequestUserMessageContent::Array(vec![
            ChatCompletionRequestUserMessageContentPart::ImageUrl(
                ChatCompletionRequestMessageContentPartImage {
                    image_url: ImageUrl { url: data_url(picture), detail: None },
                    ..Default::default()
                },
            ),
            ChatCompletionRequestUserMessageContentPart::Text(ChatCompletionRequestMessageContentPartText {
                text: question.prompt.clone(),
                ..Default::default()
            }),
        ]),
    };
    let user = ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage { content, name: None });
    system.into_iter().chain([user]).collect()
}

fn data_url(picture: &Picture) -> String {
    format!("data:{};base64,{}", picture.media_type, STANDARD.encode(&picture.bytes))
}

fn object(request: &CreateChatCompletionRequest) -> Map<String, Value> {
    match serde_json::to_value(request) {
        Ok(Value::Object(object)) => object,
        Ok(other) => unreachable!("a struct is an object: {other}"),
        Err(error) => unreachable!("texts and numbers are JSON: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn sent(config: &Config, question: &Question) -> Value {
        serde_json::from_str(&body(config, question, config.response_format)).unwrap()
    }

    fn config() -> Config {
        Config { model: "small".to_owned(), max_tokens: 40, ..Config::default() }
    }

    #[test]
    fn only_what_is_set_is_said() {
        let question = Question { prompt: "Who?".to_owned(), ..Question::default() };
        let expected = json!({
            "model": "small",
            "max_tokens": 40,
            "messages": [{"role": "user", "content": "Who?"}],
        });
        assert_eq!(sent(&config(), &question), expected);
    }

    #[test]
    fn everything_that_is_set_is_said() {
        let config = Config {
            temperature: Some(0.5),
            token_limit: TokenLimit::MaxCompletionTokens,
            seed: Some(-7),
            stop: vec!["\n".to_owned(), "Q:".to_owned()],
            ..config()
        };
        let picture = Picture { bytes: Bytes::from_static(b"\xff\xd8\xff"), media_type: "image/jpeg" };
        let question = Question {
            system: "Be brief.".to_owned(),
            prompt: "Who?".to_owned(),
            picture: Some(picture),
            field: None,
        };
        let expected = json!({
            "model": "small",
            "max_completion_tokens": 40,
            "temperature": 0.5,
            "seed": -7,
            "stop": ["\n", "Q:"],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/"}},
                    {"type": "text", "text": "Who?"},
                ]},
            ],
        });
        assert_eq!(sent(&config, &question), expected);
    }

    #[test]
    fn parameters_differ_with_whatever_changes_an_answer_and_with_nothing_else() {
        let config = config();
        let same = Config {
            url: "http://elsewhere".to_owned(),
            api_key: "canary".into(),
            concurrency: 2,
            retries: 9,
            ..config.clone()
        };
        assert_eq!(parameters(&same), parameters(&config));
        for other in [
            Config { model: "large".to_owned(), ..config.clone() },
            Config { temperature: Some(0.0), ..config.clone() },
            Config { max_tokens: 41, ..config.clone() },
            Config { seed: Some(0), ..config.clone() },
            Config { stop: vec!["\n".to_owned()], ..config.clone() },
            Config { response_format: ResponseFormat::JsonObject, ..config.clone() },
            Config { response_format: ResponseFormat::None, ..config.clone() },
            Config { extra: toml::from_str("top_p = 0.5").unwrap(), ..config.clone() },
            Config { extra: toml::from_str("[chat_template_kwargs]\na = 1").unwrap(), ..config.clone() },
        ] {
            assert_ne!(parameters(&other), parameters(&config), "{other:?}");
        }
    }

    #[test]
    fn a_form_is_asked_for_and_told_where_the_answer_has_one() {
        let question = Question {
            system: "Be brief.\n".to_owned(),
            prompt: "Who?".to_owned(),
            field: Some("phrase"),
            picture: None,
        };
        for (format, kind) in
            [(ResponseFormat::JsonSchema, "json_schema"), (ResponseFormat::JsonObject, "json_object")]
        {
            let sent = sent(&Config { response_format: format, ..config() }, &question);
            assert_eq!(sent["response_format"]["type"], kind);
            let told = sent["messages"][0]["content"].as_str().unwrap();
            assert!(
                told.starts_with("Be brief.\n\nWrite the answer into a JSON object, {\"phrase\""),
                "{told}"
            );
        }
        let plain = sent(&Config { response_format: ResponseFormat::None, ..config() }, &question);
        assert_eq!(
            (&plain["response_format"], &plain["messages"][0]["content"]),
            (&Value::Null, &json!("Be brief."))
        );
    }

    #[test]
    fn what_else_is_set_is_merged_into_the_request() {
        let extra = toml::from_str("top_p = 0.5\n[chat_template_kwargs]\nenable_thinking = false").unwrap();
        let sent = sent(
            &Config { extra, ..config() },
            &Question { prompt: "Who?".to_owned(), ..Question::default() },
        );
        let expected = json!({
            "model": "small",
            "max_tokens": 40,
            "messages": [{"role": "user", "content": "Who?"}],
            "top_p": 0.5,
            "chat_template_kwargs": {"enable_thinking": false},
        });
        assert_eq!(sent, expected);
    }
}
