//! Page of metrics: fetched over HTTP within a time and a size.

use std::time::Duration;

use reqwest::{Client, redirect};

use super::exposition::{NoSample, Scrape};
use crate::common::http_util::causes_of;

/// The longest time for a page: an engine renders its own in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest page, in bytes: an engine with a thousand partitions has 2 MB.
const LONGEST: usize = 16 * 1024 * 1024;

/// Where an engine serves its metrics.
#[derive(Debug, Clone)]
pub(super) struct Page {
    client: Client,
    url: String,
}

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error("no engine answers at `{url}`: {cause}")]
    Away { url: String, cause: String },
    #[error("`{url}` answers with the status {status}, not with metrics")]
    Status { url: String, status: u16 },
    #[error("the page at `{url}` is longer than {} MiB", LONGEST / 1024 / 1024)]
    TooLong { url: String },
    #[error("`{url}` answers, but not with metrics of riveg")]
    NoMetrics { url: String, source: Option<NoSample> },
}

impl Page {
    /// The page of an address: `host:port`, or a whole URL.
    ///
    /// # Errors
    /// The system's TLS cannot be used.
    pub(super) fn at(address: &str) -> reqwest::Result<Self> {
        let url =
            if address.contains("://") { address.to_owned() } else { format!("http://{address}/metrics") };
        let client =
            Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { client, url })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Fetches the page.
    pub(super) async fn scrape(&self) -> Result<Scrape, PageError> {
        let url = || self.url.clone();
        let away = |error: reqwest::Error| PageError::Away { url: url(), cause: causes_of(&error) };
        let mut response = self.client.get(&self.url).send().await.map_err(away)?;
        if !response.status().is_success() {
            return Err(PageError::Status { url: url(), status: response.status().as_u16() });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(PageError::TooLong { url: url() });
            }
            body.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&body);
        match Scrape::parse(&text) {
            Ok(scrape) if scrape.has("riveg_") => Ok(scrape),
            Ok(_) => Err(PageError::NoMetrics { url: url(), source: None }),
            Err(source) => Err(PageError::NoMetrics { url: url(), source: Some(source) }),
        }
    }
}
