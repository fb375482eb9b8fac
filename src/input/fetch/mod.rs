//! Fetching pictures by URL from web servers, object stores and files, within one set of limits.
//!
//! URLs are untrusted. `target` checks the URL, `resolve` and `allowed_networks` the addresses behind it, again at
//! every redirect. `web` and `body` bound a server's answer, `host_limits` the number of requests at one time,
//! `attempts` the time and the retries, and `host_breakers` keep away from hosts that do not answer. `byte_budget`
//! bounds the memory of all of it; a [`PostShare`] is one post's part. The bytes that arrive are checked in
//! [`crate::input::decode`].

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use url::Url;

use crate::common::cache::Cache;
use crate::telemetry::{FetchMetrics, FetchOutcome};

mod body;
mod bucket;
mod config;
mod error;
mod file;
mod host_breakers;
mod ledger;
mod allowed_networks;
mod attempts;
mod resolve;
mod byte_budget;
mod stores;
mod target;
mod host_limits;
mod web;

pub use bucket::{Bucket, Store};
pub use byte_budget::PostShare;
pub use config::{Config, Degrade, Scheme};
pub use error::{FetchError, FetchErrorKind};

use target::{Rules, Target};
use web::Web;

/// Fetches pictures by URL. Simultaneous requests for one URL share one answer.
#[derive(Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    limit: u64,
    rules: Rules,
    web: Web,
    stores: stores::Stores,
    host_limits: host_limits::HostLimits,
    host_breakers: host_breakers::HostBreakers,
    memory: Arc<byte_budget::ByteBudget>,
    /// Joins simultaneous requests and keeps nothing: fetched bytes are known by their content hash from then on.
    joined: Cache<String, Bytes, FetchError>,
    metrics: FetchMetrics,
}

/// Why there is no fetcher: the settings do not make a client.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FetcherError {
    #[error("the client for web servers could not be made")]
    Web(#[from] reqwest::Error),
    #[error("the clients for fetch.buckets could not be made")]
    Stores(#[from] object_store::Error),
}

/// An allowed URL, by the kind of source.
enum Source {
    Web(Target),
    Object(Bucket),
    File(Url),
}

impl Source {
    /// The URL without its query, for messages.
    fn shown(&self) -> String {
        match self {
            Self::Web(target) => target.shown(),
            Self::Object(object) => object.to_string(),
            Self::File(url) => target::shown(url),
        }
    }
}

impl Fetcher {
    /// A fetcher of pictures that have at most `limit` bytes.
    ///
    /// # Errors
    /// No client could be made: TLS is broken, or the environment's settings of an object store are.
    pub fn new(config: &Config, limit: u64, metrics: FetchMetrics) -> Result<Self, FetcherError> {
        let stores = stores::Stores::new(config, limit, stores::open)?;
        let web = Web::new(config, limit, (reqwest::Client::builder(), resolve::by_system()))?;
        Ok(Self::of_parts(config, limit, (web, stores), metrics))
    }

    fn of_parts(
        config: &Config,
        limit: u64,
        (web, stores): (Web, stores::Stores),
        metrics: FetchMetrics,
    ) -> Self {
        let shared = Shared {
            limit,
            rules: Rules::new(config),
            web,
            stores,
            host_limits: host_limits::HostLimits::new(config.per_host, config.at_once),
            host_breakers: host_breakers::HostBreakers::new(config.breaker_failures, config.breaker_pause),
            memory: byte_budget::ByteBudget::new(config.memory.as_u64()),
            joined: Cache::new(0, |_, bytes| bytes.len().max(1)),
            metrics,
            config: config.clone(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether a post whose picture could not be fetched is published without it.
    #[must_use]
    pub fn degrade(&self) -> Degrade {
        self.shared.config.degrade
    }

    /// The share of a post of which so many pictures are about to be fetched.
    #[must_use]
    pub fn share(&self, pictures: usize) -> PostShare {
        let Shared { memory, limit, config, .. } = &*self.shared;
        memory.share(limit.saturating_mul(pictures as u64), config.per_post)
    }

    /// Fetches the bytes behind a URL. The share holds the memory that they take.
    ///
    /// # Errors
    /// The URL is not allowed, the picture is too large, or no attempt succeeded in time.
    pub async fn fetch(&self, address: &str, share: &PostShare) -> Result<Bytes, FetchError> {
        let shared = &self.shared;
        let begun = Instant::now();
        let fetched = match shared.place(address) {
            Ok(place) => shared.fetch_in_time((address, &place), share).await,
            Err(refused) => Err(refused),
        };
        let size = fetched.as_ref().map_or(0, |bytes| bytes.len() as u64);
        share.reduce_claim(shared.limit.saturating_sub(size));
        match &fetched {
            Ok(_) => shared.metrics.fetched(size, begun.elapsed()),
            Err(error) => shared.metrics.not_fetched(outcome(error.kind), begun.elapsed()),
        }
        fetched
    }
}

impl Shared {
    fn place(&self, address: &str) -> Result<Source, FetchError> {
        target::check_length(address).map_err(|why| FetchError::refused(format!("has a url that {why}")))?;
        let url = Url::parse(address).map_err(|error| {
            let beginning: String = address.chars().take_while(|&letter| letter != '?').take(100).collect();
            FetchError::refused(format!("has the url `{beginning}`, which is no address: {error}"))
        })?;
        let shown = target::shown(&url);
        if url.scheme() == "file" {
            return Ok(Source::File(url));
        }
        if bucket::Store::of_scheme(url.scheme()).is_none() {
            return self.rules.target(url, &shown).map(Source::Web);
        }
        let object = Bucket::of_url(&url)
            .map_err(|why| FetchError::refused(format!("has the url `{shown}`, which {why}")))?;
        self.stores.allowed(object, &shown).map(Source::Object)
    }
}

fn outcome(kind: FetchErrorKind) -> FetchOutcome {
    match kind {
        FetchErrorKind::Refused => FetchOutcome::Refused,
        FetchErrorKind::TooLarge => FetchOutcome::TooLarge,
        FetchErrorKind::HostSuspended { .. } => FetchOutcome::HostShut,
        FetchErrorKind::OutOfMemory => FetchOutcome::NoRoom,
        FetchErrorKind::Permanent | FetchErrorKind::Transient { .. } | FetchErrorKind::NoAnswer => {
            FetchOutcome::Failed
        }
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fetcher").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
