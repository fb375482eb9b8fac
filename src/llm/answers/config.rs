//! Answer cache settings. `config/default.toml` has the reasons for the defaults.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::freshness::Lifetimes;
use crate::common::secret::Secret;

/// The section `answers` of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Size of the memory tier.
    pub memory: ByteSize,
    /// The file of the disk tier; empty: a file in the user's cache directory; `none`: no disk tier.
    pub disk_path: PathBuf,
    /// The largest size of the file.
    pub disk: ByteSize,
    /// Address of Redis or Valkey; empty: none.
    pub redis: Address,
    /// Prefix of all keys in Redis.
    pub redis_prefix: String,
    /// Signs answers on disk and in Redis; empty: they are not signed.
    pub secret: Secret,
    /// The longest wait for an operation of Redis.
    #[serde(with = "humantime_serde")]
    pub redis_timeout: Duration,
    /// How long a lease lasts unless its replica extends it.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// The interval at which Redis is polled for purges.
    #[serde(with = "humantime_serde")]
    pub purge_poll: Duration,
    /// How long an answer is fresh.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
    /// The part of `ttl` by which lifetimes differ, 0 to 1.
    pub ttl_jitter: f64,
    /// How long a rejected or empty answer is fresh.
    #[serde(with = "humantime_serde")]
    pub negative_ttl: Duration,
    /// How long a stale answer is used while it is renewed.
    #[serde(with = "humantime_serde")]
    pub stale_for: Duration,
    /// Concurrent renewals in the background.
    pub renewals: usize,
}

/// The address of Redis. It may contain a password, and is never shown.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl From<&str> for Address {
    fn from(address: &str) -> Self {
        Self(address.to_owned())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "none" } else { "[redacted]" })
    }
}

impl Address {
    /// None if there is no Redis.
    pub(super) fn get(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|address| !address.is_empty())
    }
}

/// The path that means no file.
const NONE: &str = "none";
/// The least bytes of a secret: 128 bits if they are random. A line of `openssl rand -hex 32` has 64.
const MIN_SECRET: usize = 16;
/// An empty redb file has 1.5 MiB, and redb needs room to rewrite pages.
const MIN_DISK: ByteSize = ByteSize::mib(8);

impl Config {
    /// Values out of range: the key within the section, and its bound.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        hold("disk", self.disk_file().is_none() || self.disk >= MIN_DISK, "must be 8 MiB or more");
        hold(
            "redis",
            self.redis.get().is_none_or(|address| redis::Client::open(address).is_ok()),
            "must be an address such as `redis://host:6379` or `rediss://user:password@host:6379/0`, or empty",
        );
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        hold(
            "redis_prefix",
            !self.redis_prefix.is_empty() && self.redis_prefix.bytes().all(named),
            "must be letters, digits, `-`, `_`, `.` or `/`",
        );
        let secret = self.secret.expose().len();
        hold("secret", secret == 0 || secret >= MIN_SECRET, "must be 16 bytes or longer, or empty");
        for (key, length) in [
            ("redis_timeout", self.redis_timeout),
            ("purge_poll", self.purge_poll),
            ("ttl", self.ttl),
            ("negative_ttl", self.negative_ttl),
        ] {
            hold(key, !length.is_zero(), "must be longer than nothing");
        }
        hold("lease", self.lease >= Duration::from_millis(100), "must be 100ms or longer");
        hold("ttl_jitter", (0.0..=1.0).contains(&self.ttl_jitter), "must be 0 to 1");
        hold("renewals", self.renewals <= 1000, "must be 0 to 1000");
        // Longer than any machine runs, and sums of two do not overflow.
        let most = Duration::from_secs(100 * 365 * 24 * 3600);
        for (key, length) in
            [("ttl", self.ttl), ("negative_ttl", self.negative_ttl), ("stale_for", self.stale_for)]
        {
            hold(key, length <= most, "must be 100 years or less");
        }
        faults
    }

    /// The file of the disk tier; none if it is off.
    #[must_use]
    pub fn disk_file(&self) -> Option<PathBuf> {
        if self.disk_path == Path::new(NONE) {
            return None;
        }
        if !self.disk_path.as_os_str().is_empty() {
            return Some(self.disk_path.clone());
        }
        let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || named("HOME").map(|home| home.join(".cache"));
        let cache = named("XDG_CACHE_HOME").or_else(home).unwrap_or_else(std::env::temp_dir);
        Some(cache.join("riveg/answers.redb"))
    }

    pub(super) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            ttl: self.ttl,
            jitter: self.ttl_jitter,
            negative_ttl: self.negative_ttl,
            stale_for: self.stale_for,
        }
    }
}
