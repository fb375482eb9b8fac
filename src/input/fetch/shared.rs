//! Parts that all fetches share: the settings, the clients and the limits.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use super::bucket::{Bucket, Store};
use super::byte_budget::ByteBudget;
use super::config::Config;
use super::error::FetchError;
use super::host_breakers::HostBreakers;
use super::host_limits::HostLimits;
use super::stores::Stores;
use super::target::{self, Rules, Target};
use super::web::Web;
use crate::common::cache::Cache;
use crate::telemetry::FetchMetrics;

pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) limit: u64,
    pub(super) rules: Rules,
    pub(super) web: Web,
    pub(super) stores: Stores,
    pub(super) host_limits: HostLimits,
    pub(super) host_breakers: HostBreakers,
    pub(super) memory: Arc<ByteBudget>,
    /// Joins simultaneous requests and keeps nothing: fetched bytes are known by their content hash from then on.
    pub(super) joined: Cache<String, Bytes, FetchError>,
    pub(super) metrics: FetchMetrics,
}

/// An allowed URL, by the kind of source.
pub(super) enum Source {
    Web(Target),
    Object(Bucket),
    File(Url),
}

impl Source {
    /// The URL without its query, for messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Web(target) => target.shown(),
            Self::Object(object) => object.to_string(),
            Self::File(url) => target::shown(url),
        }
    }
}

impl Shared {
    /// The source of a URL.
    ///
    /// # Errors
    /// The URL is not allowed.
    pub(super) fn source(&self, url: &str) -> Result<Source, FetchError> {
        target::check_length(url).map_err(|why| FetchError::refused(format!("has a url that {why}")))?;
        let url = Url::parse(url).map_err(|error| {
            let beginning: String = url.chars().take_while(|&letter| letter != '?').take(100).collect();
            FetchError::refused(format!("has the url `{beginning}`, which is no address: {error}"))
        })?;
        let shown = target::shown(&url);
        if url.scheme() == "file" {
            return Ok(Source::File(url));
        }
        if Store::of_scheme(url.scheme()).is_none() {
            return self.rules.target(url, &shown).map(Source::Web);
        }
        let object = Bucket::of_url(&url)
            .map_err(|why| FetchError::refused(format!("has the url `{shown}`, which {why}")))?;
        self.stores.allowed(object, &shown).map(Source::Object)
    }
}
