//! Web servers: one request, without following redirects.

use std::error::Error;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, ClientBuilder, Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::allowed_networks::AllowedNetworks;
use super::body::{self, Allowance, Bounds};
use super::config::Config;
use super::error::{FetchError, FetchErrorKind};
use super::resolve::{CheckedResolver, Lookup, NotPublic};
use super::target::Target;
use crate::common::http_util::{causes_of, retry_after};

/// The client for web servers.
pub(super) struct Web {
    client: Client,
    networks: AllowedNetworks,
    first_byte_timeout: Duration,
    timeout: Duration,
    limit: u64,
}

/// A web server's answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// The bytes of the picture.
    Bytes(Bytes),
    /// A redirect to this URL.
    Redirect(String),
}

impl Web {
    /// `builder` holds the trusted certificates; all else is set here.
    pub(super) fn new(
        config: &Config,
        limit: u64,
        (builder, lookup): (ClientBuilder, Lookup),
    ) -> reqwest::Result<Self> {
        let networks = config.networks();
        // Other formats are refused: a server that can choose should choose one of these.
        let accepted = HeaderValue::from_static("image/jpeg, image/png, image/webp, image/gif");
        let client = builder
            .user_agent(concat!("riveg/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(ACCEPT, accepted)]))
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would look names up again, past the checks here.
            .no_proxy()
            .referer(false)
            .http1_only()
            .dns_resolver(CheckedResolver { lookup, networks: networks.clone() })
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(config.per_host)
            .build()?;
        Ok(Self {
            client,
            networks,
            first_byte_timeout: config.first_byte_timeout,
            timeout: config.timeout,
            limit,
        })
    }

    /// Sends one request.
    ///
    /// # Errors
    /// The address is not allowed, the answer is an error or too large, or there is none in time.
    pub(super) async fn ask(&self, target: &Target, allowance: Allowance<'_>) -> Result<Answer, FetchError> {
        let shown = target.shown();
        let bounds =
            Bounds { max_bytes: self.limit, timeout: self.timeout, deadline: Instant::now() + self.timeout };
        let first = self.first_byte_timeout.min(self.timeout);
        let sent = timeout(first, self.client.get(target.url().clone()).send()).await;
        let response = sent.map_err(|_| FetchError::timed_out(&shown, "no answer", first))?;
        let response = response.map_err(|error| connection_error(&shown, &error))?;
        self.read(response, (bounds, allowance), &shown).await
    }

    async fn read(
        &self,
        response: Response,
        (bounds, allowance): (Bounds, Allowance<'_>),
        shown: &str,
    ) -> Result<Answer, FetchError> {
        // Checked at resolution already; this is a second line of defence.
        if let Some(Err(what)) = response.remote_addr().map(|peer| self.networks.check(peer.ip())) {
            let message = format!("has the url `{shown}`, which was answered from an address that is {what}");
            return Err(FetchError::refused(message));
        }
        let status = response.status();
        match status {
            StatusCode::OK => {
                let announced = response.content_length();
                let broken = |error: reqwest::Error| {
                    FetchError::no_answer(format!("at `{shown}` came in part: {}", causes_of(&error)))
                };
                let chunks = response.bytes_stream().map(|chunk| chunk.map_err(broken));
                Ok(Answer::Bytes(body::read((announced, chunks), bounds, allowance, shown).await?))
            }
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                let nowhere =
                    || FetchError::permanent(format!("at `{shown}` is elsewhere, but not said where"));
                location.map(|location| Answer::Redirect(location.to_owned())).ok_or_else(nowhere)
            }
            _ => Err(status_error(status, response.headers(), shown)),
        }
    }
}

/// The error for a status. Retries may help where the server is busy or broken; all other statuses are permanent.
fn status_error(status: StatusCode, headers: &HeaderMap, shown: &str) -> FetchError {
    let message = format!("at `{shown}` did not come: the server answered {status}");
    let is_passing = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    if !is_passing {
        return FetchError::permanent(message);
    }
    let after = retry_after(headers, SystemTime::now());
    FetchError { kind: FetchErrorKind::Transient { after }, message }
}

fn connection_error(shown: &str, error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(astray) = error.downcast_ref::<NotPublic>() {
            return FetchError::refused(format!("has the url `{shown}`: {astray}"));
        }
        cause = error.source();
    }
    FetchError::no_answer(format!("at `{shown}` did not come: {}", causes_of(error)))
}
