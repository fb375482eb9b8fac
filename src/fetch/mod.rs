//! What lies behind a picture's address? Web servers, object stores and files, within one set of limits.
//!
//! Addresses come from strangers. [`target`] judges what they say, [`resolve`] and [`networks`] where they lead, at every
//! redirect again; [`web`] and [`body`] bound what a server can make of its answer, [`turns`] how many are asked at one
//! time, [`crate::outbound`] how often. What arrives is judged by its bytes, in [`crate::decode`].

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tracing::debug;
use url::Url;

use crate::cache::Cache;
use crate::outbound::{Schedule, patiently};
use crate::telemetry::{FetchMetrics, FetchOutcome};

mod body;
mod bucket;
mod config;
mod error;
mod file;
mod networks;
mod resolve;
mod room;
mod stores;
mod target;
mod turns;
mod web;

pub use bucket::{Bucket, Store};
pub use config::{Config, Degrade, Scheme};
pub use error::{FetchError, FetchErrorKind};
pub use room::Room;

use target::{Rules, Target};
use web::{Answer, Web};

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
    memory: room::Memory,
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

    /// Waits for room for so many pictures that are about to be fetched.
    pub async fn room(&self, pictures: usize) -> Room {
        self.shared.memory.room(self.shared.limit.saturating_mul(pictures as u64)).await
    }

    /// The bytes behind an address.
    ///
    /// # Errors
    /// The address may not be asked, there is too much behind it, or no attempt brought it in time.
    pub async fn fetch(&self, address: &str) -> Result<Bytes, FetchError> {
        let shared = &self.shared;
        let begun = Instant::now();
        let fetched = match shared.place(address) {
            Ok(place) => shared.joined.get_or_make(&address.to_owned(), shared.patiently(&place)).await,
            Err(refused) => Err(refused),
        };
        match &fetched {
            Ok(bytes) => shared.metrics.fetched(bytes.len() as u64, begun.elapsed()),
            Err(error) => shared.metrics.not_fetched(outcome(error.kind), begun.elapsed()),
        }
        fetched
    }
}

impl Shared {
    fn place(&self, address: &str) -> Result<Place, FetchError> {
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

    /// Attempts until one succeeds, none is left, or the time is over.
    async fn patiently(&self, place: &Place) -> Result<Bytes, FetchError> {
        let Config { retries, backoff, patience, .. } = self.config;
        let deadline = tokio::time::Instant::now() + patience;
        let again = |error: &FetchError, wait| {
            debug!(%error, ?wait, "fetching is tried again");
            self.metrics.retried();
        };
        let late = || format!("did not come: no turn and no answer within {patience:?}");
        patiently(Schedule { retries, backoff }, deadline, || self.once(place), again)
            .await
            .map_err(|last| last.unwrap_or_else(|| FetchError::passing(late())))
    }

    async fn once(&self, place: &Place) -> Result<Bytes, FetchError> {
        match place {
            Place::Web(target) => self.follow(target.clone()).await,
            Place::Object(object) => {
                let _turn = self.turns.take(&object.name).await;
                self.stores.read(object, &self.config).await
            }
            Place::File(url) => {
                let _turn = self.turns.take("").await;
                let (url, shown) = (url.clone(), target::shown(url));
                let (root, limit) = (self.config.file_root().map(ToOwned::to_owned), self.limit);
                let read = move || file::fetch(&url, (root.as_deref(), limit), &shown);
                let reading = tokio::task::spawn_blocking(read).await;
                let broken = |fault| FetchError::lasting(format!("could not be read: {fault}"));
                reading.map_err(broken)?.map(Bytes::from)
            }
        }
    }

    /// Follows redirects by hand: each leads to an address like the first, judged like it.
    async fn follow(&self, mut target: Target) -> Result<Bytes, FetchError> {
        let first = target.shown();
        for _ in 0..=self.config.redirects {
            let answer = {
                let _turn = self.turns.take(target.host()).await;
                self.web.ask(&target).await?
            };
            let location = match answer {
                Answer::Bytes(bytes) => return Ok(bytes),
                Answer::Redirect(location) => location,
            };
            let url = target.url().join(&location).map_err(|error| {
                FetchError::lasting(format!("at `{first}` is redirected to what is no address: {error}"))
            })?;
            let shown = format!("{first}` which leads to `{}", target::shown(&url));
            target = self.rules.target(url, &shown)?;
        }
        let redirects = self.config.redirects;
        Err(FetchError::lasting(format!(
            "at `{first}` did not come: it is redirected more than {redirects} times"
        )))
    }
}

fn outcome(kind: FetchErrorKind) -> FetchOutcome {
    match kind {
        FetchErrorKind::Refused => FetchOutcome::Refused,
        FetchErrorKind::TooLarge => FetchOutcome::TooLarge,
        FetchErrorKind::Lasting | FetchErrorKind::Passing { .. } => FetchOutcome::Failed,
    }
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fetcher").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
