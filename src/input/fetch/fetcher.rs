//! The fetcher: the bytes of a picture behind a URL, for a post.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::byte_budget::{ByteBudget, PostShare};
use super::config::{Config, Degrade};
use super::error::{FetchError, FetchErrorKind};
use super::host_breakers::HostBreakers;
use super::host_limits::HostLimits;
use super::resolve;
use super::shared::Shared;
use super::stores::{self, Stores};
use super::target::Rules;
use super::web::Web;
use crate::common::cache::Cache;
use crate::telemetry::{FetchMetrics, FetchOutcome};

/// Fetches pictures by URL. Simultaneous requests for one URL share one answer.
#[derive(Clone)]
pub struct Fetcher {
    pub(super) shared: Arc<Shared>,
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

impl Fetcher {
    /// A fetcher of pictures that have at most `limit` bytes.
    ///
    /// # Errors
    /// No client could be made: TLS is broken, or the environment's settings of an object store are.
    pub fn new(config: &Config, limit: u64, metrics: FetchMetrics) -> Result<Self, FetcherError> {
        let stores = Stores::new(config, limit, stores::open)?;
        let web = Web::new(config, limit, (reqwest::Client::builder(), resolve::by_system()))?;
        Ok(Self::of_parts(config, limit, (web, stores), metrics))
    }

    pub(super) fn of_parts(
        config: &Config,
        limit: u64,
        (web, stores): (Web, Stores),
        metrics: FetchMetrics,
    ) -> Self {
        let shared = Shared {
            limit,
            rules: Rules::new(config),
            web,
            stores,
            host_limits: HostLimits::new(config.per_host, config.at_once),
            host_breakers: HostBreakers::new(config.breaker_failures, config.breaker_pause),
            memory: ByteBudget::new(config.memory.as_u64()),
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
    pub async fn fetch(&self, url: &str, share: &PostShare) -> Result<Bytes, FetchError> {
        let shared = &self.shared;
        let begun = Instant::now();
        let fetched = match shared.source(url) {
            // In a box: posts whose pictures are in their records do not carry its space.
            Ok(source) => Box::pin(shared.fetch_in_time((url, &source), share)).await,
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
