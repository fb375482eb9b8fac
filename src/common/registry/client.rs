//! Registry client: the questions of the Confluent API over HTTP, each to the first address that answers.

use std::time::SystemTime;

use bytes::BytesMut;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::config::Config;
use super::error::{RegistryError, RegistryErrorKind};
use super::registered::{CandidateSchema, Compatibility, Reference, RegisteredSchema};
use crate::common::http_util::{causes_of, retry_after};
use crate::common::secret::Secret;

/// The type of bodies in both directions.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// Bytes of an answer beside its schema, which grows by its escapes: at most twice, as all schemas are printable text.
const ENVELOPE: u64 = 64 * 1024;

/// The most characters of an error message in our errors.
const MAX_MESSAGE_CHARS: usize = 600;

/// The client of a registry.
pub struct RegistryClient {
    http: Client,
    bases: Vec<Url>,
    username: String,
    password: Secret,
    limit: u64,
}

#[derive(Deserialize)]
struct Id {
    id: u32,
}

#[derive(Deserialize)]
struct Verdict {
    is_compatible: bool,
    #[serde(default)]
    messages: Vec<String>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    error_code: Option<i64>,
    message: String,
}

impl RegistryClient {
    /// A client with these settings.
    ///
    /// # Errors
    /// The file of certificates cannot be read, or TLS cannot be set up.
    pub fn new(config: &Config) -> Result<Self, RegistryError> {
        let refused = |message: String| RegistryError { kind: RegistryErrorKind::Refused, message };
        let mut builder = Client::builder()
            .user_agent(concat!("riveg/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(MEDIA_TYPE))]))
            // The password is for these servers.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .timeout(config.timeout);
        if !config.ca.as_os_str().is_empty() {
            let file = config.ca.display();
            let pem = std::fs::read(&config.ca)
                .map_err(|error| refused(format!("registry.ca: `{file}` cannot be read: {error}")))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| refused(format!("registry.ca: `{file}` has no certificates: {error}")))?;
            builder = certificates
                .into_iter()
                .fold(builder, |builder, certificate| builder.add_root_certificate(certificate));
        }
        let http = builder
            .build()
            .map_err(|error| refused(format!("the client of the Schema Registry cannot be made: {error}")))?;
        let (username, password) = (config.username.clone(), config.password.clone());
        let limit = config.max_schema.as_u64().saturating_mul(2).saturating_add(ENVELOPE);
        Ok(Self { http, bases: config.bases(), username, password, limit })
    }

    /// The addresses, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        let bases: Vec<&str> = self.bases.iter().map(|base| base.as_str().trim_end_matches('/')).collect();
        bases.join(", ")
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// `Unknown` where there is none of this id, and the others.
    pub async fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError> {
        self.ask(Method::GET, &["schemas", "ids", &id.to_string()], "", None).await
    }

    /// The schema of a version of a subject.
    ///
    /// # Errors
    /// `Unknown` where there is none, and the others.
    pub async fn version(&self, reference: &Reference) -> Result<RegisteredSchema, RegistryError> {
        let version = reference.version.to_string();
        self.ask(Method::GET, &["subjects", &reference.subject, "versions", &version], "", None).await
    }

    /// The languages of schemas, to see whether the registry answers at all. Old ones do not know the question.
    ///
    /// # Errors
    /// It does not answer, or refuses name and password.
    pub async fn answers(&self) -> Result<(), RegistryError> {
        match self.ask::<Value>(Method::GET, &["schemas", "types"], "", None).await {
            Err(error) if error.kind == RegistryErrorKind::Unknown => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// The id of a schema under a subject; none: the subject does not have it.
    ///
    /// # Errors
    /// As the kinds of [`RegistryError`].
    pub async fn lookup(
        &self,
        subject: &str,
        schema: CandidateSchema<'_>,
    ) -> Result<Option<u32>, RegistryError> {
        let path = ["subjects", subject];
        match self.ask(Method::POST, &path, "normalize=true", Some(schema.body())).await {
            Ok(Id { id }) => Ok(Some(id)),
            Err(error) if error.kind == RegistryErrorKind::Unknown => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a schema may follow the latest one of a subject.
    ///
    /// # Errors
    /// As the kinds of [`RegistryError`].
    pub async fn compatibility(
        &self,
        subject: &str,
        schema: CandidateSchema<'_>,
    ) -> Result<Compatibility, RegistryError> {
        let path = ["compatibility", "subjects", subject, "versions", "latest"];
        match self.ask(Method::POST, &path, "verbose=true", Some(schema.body())).await {
            Ok(Verdict { is_compatible: true, .. }) => Ok(Compatibility::Compatible),
            Ok(Verdict { messages, reason, .. }) => {
                let said: Vec<String> = messages.into_iter().chain(reason).collect();
                Ok(Compatibility::Incompatible(shortened(&said.join("; "))))
            }
            Err(error) if error.kind == RegistryErrorKind::Unknown => Ok(Compatibility::First),
            Err(error) => Err(error),
        }
    }

    /// Registers a schema under a subject, if the subject does not have it, and returns its id.
    ///
    /// # Errors
    /// `Incompatible` where it may not follow the subject's schemas, and the others.
    pub async fn register(&self, subject: &str, schema: CandidateSchema<'_>) -> Result<u32, RegistryError> {
        let path = ["subjects", subject, "versions"];
        let Id { id } = self.ask(Method::POST, &path, "normalize=true", Some(schema.body())).await?;
        Ok(id)
    }

    /// Asks the first address; the next one where it does not answer.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &str,
        body: Option<Value>,
    ) -> Result<T, RegistryError> {
        let mut failed = None;
        for base in &self.bases {
            match self.ask_at(base, (&method, path, query), body.as_ref()).await {
                Err(error) if matches!(error.kind, RegistryErrorKind::Unavailable { .. }) => {
                    failed = Some(error)
                }
                answer => return answer,
            }
        }
        let kind = RegistryErrorKind::Refused;
        Err(failed.unwrap_or_else(|| RegistryError { kind, message: "registry.url is not set".to_owned() }))
    }

    async fn ask_at<T: DeserializeOwned>(
        &self,
        base: &Url,
        (method, path, query): (&Method, &[&str], &str),
        body: Option<&Value>,
    ) -> Result<T, RegistryError> {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let asked = format!(
            "the Schema Registry at `{}` was asked `{method} {}`",
            base.as_str().trim_end_matches('/'),
            &url.path()[base.path().trim_end_matches('/').len()..]
        );
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        let error = |kind, what: String| RegistryError { kind, message: format!("{asked}: {what}") };
        let away = RegistryErrorKind::Unavailable { after: std::time::Duration::ZERO };
        let mut request = self.http.request(method.clone(), url);
        if !self.username.is_empty() {
            request = request.basic_auth(&self.username, Some(self.password.expose()));
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body.to_string());
        }
        let response = request.send().await;
        let response = response.map_err(|fault| error(away, format!("no answer: {}", causes_of(&fault))))?;
        let status = response.status();
        let after = retry_after(response.headers(), SystemTime::now());
        let body = self.body(response).await.map_err(|(kind, what)| error(kind, what))?;
        if !status.is_success() {
            let said = self.password.redact(&said(&body));
            return Err(error(RegistryErrorKind::of_status(status, after), format!("{status}{said}")));
        }
        serde_json::from_slice(&body)
            .map_err(|fault| error(RegistryErrorKind::Refused, format!("its answer cannot be read: {fault}")))
    }

    async fn body(&self, mut response: Response) -> Result<BytesMut, (RegistryErrorKind, String)> {
        let away = RegistryErrorKind::Unavailable { after: std::time::Duration::ZERO };
        let mut body = BytesMut::new();
        loop {
            let chunk = response.chunk().await;
            let chunk =
                chunk.map_err(|fault| (away, format!("its answer came in part: {}", causes_of(&fault))))?;
            let Some(chunk) = chunk else { return Ok(body) };
            if (body.len() + chunk.len()) as u64 > self.limit {
                let message = "its answer is longer than registry.max_schema allows".to_owned();
                return Err((RegistryErrorKind::Refused, message));
            }
            body.extend_from_slice(&chunk);
        }
    }
}

/// What the body of an error says, to be put behind its status.
fn said(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(Fault { error_code: Some(code), message }) => format!(": {} ({code})", shortened(&message)),
        Ok(Fault { error_code: None, message }) => format!(": {}", shortened(&message)),
        Err(_) => String::new(),
    }
}

/// The beginning of a message in one line.
fn shortened(message: &str) -> String {
    let line = message.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    line.take(MAX_MESSAGE_CHARS).collect()
}

impl std::fmt::Debug for RegistryClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RegistryClient").field("bases", &self.shown()).finish_non_exhaustive()
    }
}
