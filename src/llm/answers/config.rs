//! How much is kept of answers, where and for how long? `config/default.toml` holds the reasons.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::age::Lives;
use crate::common::secret::Secret;

/// The section `answers` of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Answers kept in memory, in bytes.
    pub memory: ByteSize,
    /// The file on disk; empty: one in the user's home; `none`: there is none.
    pub disk_path: PathBuf,
    /// What answers may take on disk, in bytes.
    pub disk: ByteSize,
    /// Where Redis or Valkey is; empty: there is none.
    pub redis: Address,
    /// What all keys in Redis begin with.
    pub redis_prefix: String,
    /// What signs answers that are kept on disk and in Redis; empty: they are not signed.
    pub secret: Secret,
    /// The longest that an operation of Redis is waited for.
    #[serde(with = "humantime_serde")]
    pub redis_timeout: Duration,
    /// For how long a replica that asks is believed to be asking, unless it says so again.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// How often it is looked up whether answers were purged.
    #[serde(with = "humantime_serde")]
    pub purge_poll: Duration,
    /// How long an answer is given without being made again.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
    /// The part of that time by which answers differ, 0 to 1.
    pub ttl_jitter: f64,
    /// How long it is remembered that a question was refused or answered with nothing.
    #[serde(with = "humantime_serde")]
    pub negative_ttl: Duration,
    /// How much longer an answer is given while it is made again.
    #[serde(with = "humantime_serde")]
    pub stale_for: Duration,
    /// Answers that are made again at one time behind those who took them.
    pub renewals: usize,
}

/// Where Redis is. It may have a password in it, and is never shown.
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
    /// None where there is no Redis.
    pub(super) fn get(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|address| !address.is_empty())
    }
}

/// What stands for no file.
const NONE: &str = "none";
/// The least bytes of a secret: a key of 128 bits, if each byte were any. A line of `openssl rand -hex 32` has 64.
const LEAST_SECRET: usize = 16;
/// A file of redb takes 1.5 MiB before anything is in it, and room to write anew what it holds.
const LEAST_DISK: ByteSize = ByteSize::mib(8);

impl Config {
    /// What is out of range: the key within the section, and the bound it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        hold("disk", self.disk_file().is_none() || self.disk >= LEAST_DISK, "must be 8 MiB or more");
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
        hold("secret", secret == 0 || secret >= LEAST_SECRET, "must be 16 bytes or longer, or empty");
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
        // Longer than machines last; and sums of two stay in range wherever they are made.
        let most = Duration::from_secs(100 * 365 * 24 * 3600);
        for (key, length) in
            [("ttl", self.ttl), ("negative_ttl", self.negative_ttl), ("stale_for", self.stale_for)]
        {
            hold(key, length <= most, "must be 100 years or less");
        }
        faults
    }

    /// The file on disk; none where there shall be none.
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

    pub(super) fn lives(&self) -> Lives {
        Lives {
            ttl: self.ttl,
            jitter: self.ttl_jitter,
            negative_ttl: self.negative_ttl,
            stale_for: self.stale_for,
        }
    }
}
