//! Requests to a hub: repeated where a fault may pass, and refused in words where it does not.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::access::Access;
use super::announced::error_code;
use super::error::HubError;
use super::files::{Origin, shown};
use super::redirects::{Failed, send};
use crate::common::http_util::{Retryable, causes_of, retry_after};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(20);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Makes requests.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    pub(super) access: Access,
    client: Client,
}

impl Requests {
    pub(super) fn new(access: Access) -> Result<Self, HubError> {
        let client = Client::builder()
            .user_agent(concat!("riveg/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .build();
        Ok(Self { access, client: client.map_err(HubError::Client)? })
    }

    /// One request for the bytes of a file.
    pub(super) async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Failed> {
        send(&self.client, &self.access, (Method::GET, url), headers).await
    }

    /// The page of a repository, for people.
    pub(super) fn page(&self, repository: &str) -> String {
        format!("{}/{repository}", shown(&self.access.endpoint).trim_end_matches('/'))
    }

    /// What is said of a file. A request that fails is repeated.
    pub(super) async fn head(&self, origin: &Origin, url: &Url) -> Result<Response, HubError> {
        let mut attempts = 0;
        loop {
            let sent = send(&self.client, &self.access, (Method::HEAD, url), &HeaderMap::new()).await;
            let (cause, after) = match sent {
                Err(Failed::Answer(error)) => return Err(error),
                Err(Failed::Connection(error)) => (causes_of(&error), None),
                Ok(response) => match passing(&response) {
                    None => return Ok(response),
                    Some(after) => (format!("the server answered {}", response.status()), Some(after)),
                },
            };
            attempts += 1;
            let file = origin.to_string();
            let Some(wait) = self.wait(attempts, after) else {
                return Err(HubError::Cut { file, cause, attempts, bytes: 0 });
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// The wait before another attempt; none: there is none.
    pub(super) fn wait(&self, attempts: u32, after: Option<Duration>) -> Option<Duration> {
        let fault = Passing(after.unwrap_or_default().min(LONGEST_WAIT));
        self.access.retry.wait(&fault, (attempts, Duration::MAX), rand::random())
    }

    /// Refuses an answer that is not the file, nor a redirect to it.
    pub(super) fn check(&self, origin: &Origin, response: &Response) -> Result<(), HubError> {
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(());
        }
        let (url, code) = (shown(response.url()), error_code(response.headers()));
        let Origin::Hub { repository, commit, .. } = origin else {
            return Err(match status {
                StatusCode::NOT_FOUND => HubError::NoFile { file: url },
                _ => HubError::Status { url, status: status.as_u16(), after: None },
            });
        };
        let repository = repository.clone();
        Err(match (status, code) {
            (StatusCode::NOT_FOUND, "RevisionNotFound") => {
                HubError::NoRevision { repository, revision: commit.clone() }
            }
            (StatusCode::NOT_FOUND, "EntryNotFound") => HubError::NoFile { file: origin.to_string() },
            // The hub answers the same for a private repository and for one that does not exist.
            (StatusCode::NOT_FOUND, _) | (_, "RepoNotFound") => {
                HubError::NoRepository { endpoint: shown(&self.access.endpoint), repository }
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => HubError::Gated {
                status: status.as_u16(),
                token: if self.access.token.is_empty() {
                    "and no token was sent"
                } else {
                    "and the token that was sent may not read it"
                },
                page: self.page(&repository),
                repository,
            },
            _ => HubError::Status { url, status: status.as_u16(), after: None },
        })
    }
}

/// A fault that may pass, and the wait that the server asks for.
struct Passing(Duration);

impl Retryable for Passing {
    fn retry_delay(&self) -> Option<Duration> {
        Some(self.0)
    }
}

/// Whether an answer is a fault that may pass, and after which wait.
pub(super) fn passing(response: &Response) -> Option<Duration> {
    let status = response.status();
    let is_passing = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
    is_passing.then(|| retry_after(response.headers(), SystemTime::now()).unwrap_or_default())
}
