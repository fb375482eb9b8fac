//! What does a web server answer? One request, without following anything.

use std::error::Error;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, ClientBuilder, Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::body::{self, Allowance, Ends};
use super::config::Config;
use super::error::{FetchError, FetchErrorKind};
use super::networks::Networks;
use super::resolve::{Judging, LeadsAstray, Lookup};
use super::target::Target;
use crate::common::http_util::{causes_of, retry_after};

/// Asks web servers, one request at a time.
pub(super) struct Web {
    client: Client,
    networks: Networks,
    first_byte_timeout: Duration,
    timeout: Duration,
    limit: u64,
}

/// What a web server says.
#[derive(Debug)]
pub(super) enum Answer {
    /// The bytes that were asked for.
    Bytes(Bytes),
    /// They are elsewhere.
    Redirect(String),
}

impl Web {
    /// `builder` holds whom the client trusts; all else is set here.
    pub(super) fn new(
        config: &Config,
        limit: u64,
        (builder, lookup): (ClientBuilder, Lookup),
    ) -> reqwest::Result<Self> {
        let networks = config.networks();
        // Other formats are refused: a server that can choose should not choose them.
        let accepted = HeaderValue::from_static("image/jpeg, image/png, image/webp, image/gif");
        let client = builder
            .user_agent(concat!("riveg/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(ACCEPT, accepted)]))
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would look names up again, past what was judged here.
            .no_proxy()
            .referer(false)
            .http1_only()
            .dns_resolver(Judging { lookup, networks: networks.clone() })
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

    /// Asks once.
    ///
    /// # Errors
    /// Refusals, answers that are none, silence, and what is too large.
    pub(super) async fn ask(&self, target: &Target, allowance: Allowance<'_>) -> Result<Answer, FetchError> {
        let shown = target.shown();
        let ends = Ends { limit: self.limit, timeout: self.timeout, at: Instant::now() + self.timeout };
        let first = self.first_byte_timeout.min(self.timeout);
        let sent = timeout(first, self.client.get(target.url().clone()).send()).await;
        let response = sent.map_err(|_| FetchError::late(&shown, "no answer", first))?;
        let response = response.map_err(|error| unreachable_host(&shown, &error))?;
        self.read(response, (ends, allowance), &shown).await
    }

    async fn read(
        &self,
        response: Response,
        (ends, allowance): (Ends, Allowance<'_>),
        shown: &str,
    ) -> Result<Answer, FetchError> {
        // Seen already when it was resolved; a second lock on the same door.
        if let Some(Err(what)) = response.remote_addr().map(|peer| self.networks.check(peer.ip())) {
            let message = format!("has the url `{shown}`, which was answered from an address that is {what}");
            return Err(FetchError::refused(message));
        }
        let status = response.status();
        match status {
            StatusCode::OK => {
                let promised = response.content_length();
                let broken = |error: reqwest::Error| {
                    FetchError::no_answer(format!("at `{shown}` came in part: {}", causes_of(&error)))
                };
                let chunks = response.bytes_stream().map(|chunk| chunk.map_err(broken));
                Ok(Answer::Bytes(body::read((promised, chunks), ends, allowance, shown).await?))
            }
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                let nowhere =
                    || FetchError::lasting(format!("at `{shown}` is elsewhere, but not said where"));
                location.map(|location| Answer::Redirect(location.to_owned())).ok_or_else(nowhere)
            }
            _ => Err(unwilling(status, response.headers(), shown)),
        }
    }
}

/// Which answers may change: the server is busy or broken. All others say that there is no picture for us.
fn unwilling(status: StatusCode, headers: &HeaderMap, shown: &str) -> FetchError {
    let message = format!("at `{shown}` did not come: the server answered {status}");
    let is_passing = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    if !is_passing {
        return FetchError::lasting(message);
    }
    let after = retry_after(headers, SystemTime::now());
    FetchError { kind: FetchErrorKind::Passing { after }, message }
}

fn unreachable_host(shown: &str, error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(astray) = error.downcast_ref::<LeadsAstray>() {
            return FetchError::refused(format!("has the url `{shown}`: {astray}"));
        }
        cause = error.source();
    }
    FetchError::no_answer(format!("at `{shown}` did not come: {}", causes_of(error)))
}
