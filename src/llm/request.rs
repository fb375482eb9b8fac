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

use super::config::{Config, TokenLimit};
use super::question::{Picture, Question};

/// The request that asks a question.
pub(super) fn body(config: &Config, question: &Question) -> String {
    as_json(&CreateChatCompletionRequest { messages: messages(question), ..settings(config) })
}

/// All of a request but its messages: what decides the answer besides the question.
pub(super) fn parameters(config: &Config) -> String {
    as_json(&settings(config))
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

fn messages(question: &Question) -> Vec<ChatCompletionRequestMessage> {
    let system = (!question.system.is_empty()).then(|| {
        let content = ChatCompletionRequestSystemMessageContent::Text(question.system.clone());
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

fn as_json(request: &CreateChatCompletionRequest) -> String {
    match serde_json::to_string(request) {
        Ok(json) => json,
        Err(error) => unreachable!("texts and numbers are JSON: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;

    fn sent(config: &Config, question: &Question) -> Value {
        serde_json::from_str(&body(config, question)).unwrap()
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
        let question =
            Question { system: "Be brief.".to_owned(), prompt: "Who?".to_owned(), picture: Some(picture) };
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
        ] {
            assert_ne!(parameters(&other), parameters(&config), "{other:?}");
        }
    }
}
