//! What lies behind a picture's address? Web servers, object stores and files, within one set of limits.
//!
//! Addresses come from strangers. [`target`] judges what they say, [`resolve`] and [`networks`] where they lead, at every
//! redirect again; [`web`] and [`body`] bound what a server can make of its answer, [`turns`] how many are asked at one
//! time, [`patience`] how long and how often, [`hosts`] which not at all. [`room`] bounds what all of it takes of memory,
//! and a post's [`Share`] what it may take of what all use. What arrives is judged by its bytes, in [`crate::input::decode`].

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
mod hosts;
mod ledger;
mod networks;
mod patience;
mod resolve;
mod room;
mod stores;
mod target;
mod turns;
mod web;

pub use bucket::{Bucket, Store};
pub use config::{Config, Degrade, Scheme};
pub use error::{FetchError, FetchErrorKind};
pub use room::Share;

use target::{Rules, Target};
use web::Web;

/// Fetches pictures by their addresses. Those who ask for one address at one time share one answer.
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
    turns: turns::Turns,
    hosts: hosts::Hosts,
    memory: Arc<room::Memory>,
    /// Keeps nothing: what was fetched is known by its content from then on.
    joined: Cache<String, Bytes, FetchError>,
    metrics: FetchMetrics,
}

/// Why nothing could be fetched at all: the settings do not make a client.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FetcherError {
    #[error("the client for web servers could not be made")]
    Web(#[from] reqwest::Error),
    #[error("the clients for fetch.buckets could not be made")]
    Stores(#[from] object_store::Error),
}

/// An address that may be asked for, by who is asked.
enum Place {
    Web(Target),
    Object(Bucket),
    File(Url),
}

impl Place {
    /// The address without its query: what people are shown.
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
            turns: turns::Turns::new(config.per_host, config.at_once),
            hosts: hosts::Hosts::new(config.breaker_failures, config.breaker_pause),
            memory: room::Memory::new(config.memory.as_u64()),
            joined: Cache::new(0, |_, bytes| bytes.len().max(1)),
            metrics,
            config: config.clone(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What becomes of a post whose picture could not be fetched.
    #[must_use]
    pub fn degrade(&self) -> Degrade {
        self.shared.config.degrade
    }

    /// What a post may take of what all use, so many of whose pictures are about to be fetched.
    #[must_use]
    pub fn share(&self, pictures: usize) -> Share {
        let Shared { memory, limit, config, .. } = &*self.shared;
        memory.share(limit.saturating_mul(pictures as u64), config.per_post)
    }

    /// The bytes behind an address, for the post whose share it is, which holds the room that they take.
    ///
    /// # Errors
    /// The address may not be asked, there is too much behind it, or no attempt brought it in time.
    pub async fn fetch(&self, address: &str, share: &Share) -> Result<Bytes, FetchError> {
        let shared = &self.shared;
        let begun = Instant::now();
        let fetched = match shared.place(address) {
            Ok(place) => shared.in_time((address, &place), share).await,
            Err(refused) => Err(refused),
        };
        let size = fetched.as_ref().map_or(0, |bytes| bytes.len() as u64);
        share.renounce(shared.limit.saturating_sub(size));
        match &fetched {
            Ok(_) => shared.metrics.fetched(size, begun.elapsed()),
            Err(error) => shared.metrics.not_fetched(outcome(error.kind), begun.elapsed()),
        }
        fetched
    }
}

impl Shared {
    fn place(&self, address: &str) -> Result<Place, FetchError> {
        target::of_length(address).map_err(|why| FetchError::refused(format!("has a url that {why}")))?;
        let url = Url::parse(address).map_err(|error| {
            let beginning: String = address.chars().take_while(|&letter| letter != '?').take(100).collect();
            FetchError::refused(format!("has the url `{beginning}`, which is no address: {error}"))
        })?;
        let shown = target::shown(&url);
        if url.scheme() == "file" {
            return Ok(Place::File(url));
        }
        if bucket::Store::of_scheme(url.scheme()).is_none() {
            return self.rules.target(url, &shown).map(Place::Web);
        }
        let object = Bucket::of_url(&url)
            .map_err(|why| FetchError::refused(format!("has the url `{shown}`, which {why}")))?;
        self.stores.allowed(object, &shown).map(Place::Object)
    }
}

fn outcome(kind: FetchErrorKind) -> FetchOutcome {
    match kind {
        FetchErrorKind::Refused => FetchOutcome::Refused,
        FetchErrorKind::TooLarge => FetchOutcome::TooLarge,
        FetchErrorKind::HostIsShut { .. } => FetchOutcome::HostShut,
        FetchErrorKind::NoRoom => FetchOutcome::NoRoom,
        FetchErrorKind::Lasting | FetchErrorKind::Passing { .. } | FetchErrorKind::NoAnswer => {
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
