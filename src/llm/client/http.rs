//! HTTP client: one request without redirects, and the class of each failure.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::Url;

use super::answer::{self, Answer};
use super::config::Config;
use super::error::{EndpointError, LlmError};
use super::limited_body::{self, BodyError};
use crate::common::http_util::{causes_of, retry_after};
use crate::common::secret::Secret;
use crate::telemetry::LlmFault;

/// The most bytes of an error response that are read: a sentence in JSON.
const MAX_ERROR_BYTES: u64 = 8 * 1024;

/// The most characters of an error message in our errors.
const MAX_MESSAGE_CHARS: usize = 200;

/// The HTTP client of one endpoint.
pub(super) struct HttpClient {
    client: Client,
    endpoint: Arc<str>,
    chat: Url,
    models: Url,
    key: Secret,
    limit: u64,
}

impl HttpClient {
    pub(super) fn new(endpoint: &Arc<str>, config: &Config) -> Result<Self, EndpointError> {
        let setting =
            |(key, message)| EndpointError::Setting { endpoint: endpoint.to_string(), key, message };
        if let Some(fault) = config.faults().into_iter().next() {
            return Err(setting(fault));
        }
        let (Some(base), Some(authorization)) = (config.base(), config.authorization()) else {
            unreachable!("an address and a key that are none are faults")
        };
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([(ACCEPT, json)]);
        if !config.api_key.is_empty() {
            headers.insert(AUTHORIZATION, authorization);
        }
        let client = Client::builder()
            .user_agent(concat!("riveg/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // The key is for one server.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(config.concurrency)
            .build()
            .map_err(|source| EndpointError::Client { endpoint: endpoint.to_string(), source })?;
        let below = |path: &str| {
            let mut url = base.clone();
            url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
            url
        };
        Ok(Self {
            client,
            endpoint: Arc::clone(endpoint),
            chat: below("chat/completions"),
            models: below("models"),
            key: config.api_key.clone(),
            limit: config.max_answer.as_u64(),
        })
    }

    /// Requests a chat completion once.
    ///
    /// # Errors
    /// No connection, or a response that is incomplete, too large or malformed.
    pub(super) async fn chat(&self, body: Bytes) -> Result<Answer, LlmError> {
        let request = self.client.post(self.chat.clone()).header(CONTENT_TYPE, "application/json").body(body);
        let response = self.send(request, &self.chat).await?;
        if !response.status().is_success() {
            return Err(self.status_error(response).await);
        }
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream") {
            return Err(self.malformed("comes as a stream of events, which was not asked for"));
        }
        let body = limited_body::read(response, self.limit)
            .await
            .map_err(|body_error| self.body_error(&body_error))?;
        answer::read(&body).map_err(|what| self.malformed(&what))
    }

    /// Checks that the server answers and accepts the key.
    ///
    /// # Errors
    /// No connection, or an error response. A server without a list of models counts as reachable.
    pub(super) async fn models(&self) -> Result<(), LlmError> {
        let response = self.send(self.client.get(self.models.clone()), &self.models).await?;
        let status = response.status();
        if status.is_success()
            || matches!(
                status,
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
            )
        {
            return Ok(());
        }
        Err(self.status_error(response).await)
    }

    async fn send(&self, request: RequestBuilder, url: &Url) -> Result<Response, LlmError> {
        request.send().await.map_err(|error| {
            let message = format!("was not reached at `{url}`: {}", causes_of(&error));
            let class = if error.is_timeout() { LlmFault::Timeout } else { LlmFault::Connection };
            LlmError::passing(&self.endpoint, (class, None), message)
        })
    }

    fn body_error(&self, body_error: &BodyError) -> LlmError {
        let limit = self.limit;
        let too_large = |message| LlmError::lasting(&self.endpoint, LlmFault::TooLarge, message);
        match body_error {
            BodyError::DeclaredTooLarge(declared) => {
                too_large(format!("answers {declared} bytes, more than the {limit} of max_answer"))
            }
            BodyError::TooLarge => too_large(format!("answers more than the {limit} bytes of max_answer")),
            BodyError::Broken(error) => {
                let message = format!("broke off its answer: {}", causes_of(error));
                LlmError::passing(&self.endpoint, (LlmFault::Connection, None), message)
            }
        }
    }

    fn malformed(&self, what: &str) -> LlmError {
        let message = format!("gave an answer that {}", self.sanitised(what));
        LlmError::lasting(&self.endpoint, LlmFault::Malformed, message)
    }

    /// The error for a response with an error status: its class, and whether it is transient.
    async fn status_error(&self, response: Response) -> LlmError {
        let status = response.status();
        let after = retry_after(response.headers(), SystemTime::now());
        // Without a message the status is enough.
        let body = limited_body::read(response, MAX_ERROR_BYTES).await.ok();
        let said = body.and_then(|body| answer::error_message(&body)).map(|words| self.sanitised(&words));
        let about = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ", so it does not accept `api_key`",
            StatusCode::NOT_FOUND => ", so `url` or `model` is not one of its own",
            _ if status.is_redirection() => ", and redirects are not followed",
            _ => "",
        };
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        let message = format!("answered {status}{about}{said}");
        let passing = |class| (class, after);
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                LlmError::passing(&self.endpoint, passing(LlmFault::RateLimited), message)
            }
            StatusCode::REQUEST_TIMEOUT => {
                LlmError::passing(&self.endpoint, passing(LlmFault::Timeout), message)
            }
            // A conflict with another request.
            StatusCode::CONFLICT => LlmError::passing(&self.endpoint, passing(LlmFault::Server), message),
            _ if status.is_server_error() => {
                LlmError::passing(&self.endpoint, passing(LlmFault::Server), message)
            }
            // The question is refused: too long, filtered, or a picture for a text model.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                LlmError::of_question(&self.endpoint, LlmFault::Refused, message)
            }
            _ => LlmError::lasting(&self.endpoint, LlmFault::Refused, message),
        }
    }

    /// A server's message for our errors: without the key, on one line, cut to a length.
    fn sanitised(&self, words: &str) -> String {
        let words = self.key.redact(words);
        let line = words.split(|letter: char| letter.is_whitespace() || letter.is_control());
        let line = line.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        line.chars().take(MAX_MESSAGE_CHARS).collect()
    }
}
