//! Request bodies: OpenAI's chat completion request, with configured fields only, so that any server accepts it.

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
use super::question::{AnswerSchema, Picture, Question};
use super::response_format::{ResponseFormat, instruction};

/// The request for a question, with the response format.
pub(super) fn body(config: &Config, question: &Question, format: ResponseFormat) -> String {
    let schema = question.schema.as_ref();
    let format = schema.and_then(|schema| format.requested(schema));
    let instruction = format.as_ref().and(schema).and_then(instruction);
    let messages = messages(question, instruction.as_deref());
    let mut request = object(&CreateChatCompletionRequest { messages, ..settings(config) });
    request.extend(format.map(|format| ("response_format".to_owned(), format)));
    extra::merge(&mut request, &config.extra);
    Value::Object(request).to_string()
}

/// A request without its messages: everything that decides the answer besides the question. It has the configured response
/// format even if the server does not support it, because that is a property of the server, like its own defaults.
pub(super) fn parameters(config: &Config) -> String {
    /// Placeholder for the field of any question.
    const ANY: AnswerSchema = AnswerSchema::Text("any");
    let mut request = object(&settings(config));
    if let Some(format) = config.response_format.requested(&ANY) {
        request.insert("response_format".to_owned(), format);
        request.extend(instruction(&ANY).map(|text| ("instruction".to_owned(), Value::String(text))));
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

fn messages(question: &Question, instruction: Option<&str>) -> Vec<ChatCompletionRequestMessage> {
    let mut system = question.system.trim_end().to_owned();
    if let Some(instruction) = instruction {
        system.push_str(if system.is_empty() { "" } else { "\n\n" });
        system.push_str(instruction);
    }
    let system = (!system.is_empty()).then(|| {
        let content = ChatCompletionRequestSystemMessageContent::Text(system);
        ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage { content, name: None })
    });
    let content = if question.pictures.is_empty() {
        // Servers of text models may not accept content parts.
        ChatCompletionRequestUserMessageContent::Text(question.prompt.clone())
    } else {
        let text = ChatCompletionRequestMessageContentPartText {
            text: question.prompt.clone(),
            ..Default::default()
        };
        let text = ChatCompletionRequestUserMessageContentPart::Text(text);
        ChatCompletionRequestUserMessageContent::Array(
            question.pictures.iter().map(picture_part).chain([text]).collect(),
        )
    };
    let user = ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage { content, name: None });
    system.into_iter().chain([user]).collect()
}

fn picture_part(picture: &Picture) -> ChatCompletionRequestUserMessageContentPart {
    let image_url = ImageUrl { url: data_url(picture), detail: None };
    let part = ChatCompletionRequestMessageContentPartImage { image_url, ..Default::default() };
    ChatCompletionRequestUserMessageContentPart::ImageUrl(part)
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
    fn only_configured_fields_are_sent() {
        let question = Question { prompt: "Who?".to_owned(), ..Question::default() };
        let expected = json!({
            "model": "small",
            "max_tokens": 40,
            "messages": [{"role": "user", "content": "Who?"}],
        });
        assert_eq!(sent(&config(), &question), expected);
    }

    #[test]
    fn every_configured_field_is_sent() {
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
            pictures: vec![picture],
            schema: None,
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
    fn parameters_depend_on_everything_that_changes_an_answer_and_on_nothing_else() {
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
    fn a_response_format_is_requested_and_described_in_the_system_message() {
        let question = Question {
            system: "Be brief.\n".to_owned(),
            prompt: "Who?".to_owned(),
            schema: Some(AnswerSchema::Text("phrase")),
            pictures: Vec::new(),
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
    fn an_object_is_requested_by_its_own_schema_and_described_by_the_prompt_alone() {
        let schema = json!({"type": "object", "properties": {"box": {"type": "array"}}});
        let question = Question {
            system: "Be brief.".to_owned(),
            prompt: "Where?".to_owned(),
            schema: Some(AnswerSchema::Object(schema.clone().into())),
            ..Question::default()
        };
        let sent = sent(&config(), &question);
        assert_eq!(sent["response_format"]["json_schema"]["schema"], schema);
        assert_eq!(sent["messages"][0]["content"], "Be brief.");
    }

    #[test]
    fn extra_fields_are_merged_into_the_request() {
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
