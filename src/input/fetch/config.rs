//! Settings of fetching: the section `fetch`. `config/default.toml` holds their values and reasons.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::allowed_networks::{AllowedNetworks, embedded_v4};
use super::bucket::Bucket;

/// The section `fetch` of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Schemes for web servers; none: web servers are not asked.
    pub schemes: Vec<Scheme>,
    /// Allowed hosts, `example.org` or `*.example.org`; none: any.
    pub hosts: Vec<String>,
    /// Allowed ports.
    pub ports: Vec<u16>,
    /// Networks that may be connected to although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// Prefixes under which a gateway embeds IPv4 addresses in IPv6, besides the well-known one.
    pub nat64_prefixes: Vec<Ipv6Net>,
    /// Buckets whose objects may be fetched, `s3://bucket` or `gs://bucket/folder`; none: no object.
    pub buckets: Vec<Bucket>,
    /// The folder whose files may be read by `file://` URLs; empty: no file.
    pub file_root: PathBuf,
    /// Redirects followed for one picture.
    pub redirects: usize,
    /// The longest wait for a connection, including name lookup and TLS handshake.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// The longest wait for the headers of an answer, including the connection.
    #[serde(with = "humantime_serde")]
    pub first_byte_timeout: Duration,
    /// The longest time for one request, to its last byte.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The longest time for one picture, including redirects, attempts and waits.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// Attempts after the first, where the error may pass.
    pub retries: u32,
    /// The wait before the first further attempt; each wait after it is twice as long.
    #[serde(with = "humantime_serde")]
    pub backoff: Duration,
    /// Requests to one host at one time.
    pub per_host: usize,
    /// Pictures of one post that are fetched at one time.
    pub per_post: usize,
    /// Requests at one time.
    pub at_once: usize,
    /// Requests in a row without an answer after which a host is not asked for a while.
    pub breaker_failures: u32,
    /// How long it is not asked then.
    #[serde(with = "humantime_serde")]
    pub breaker_pause: Duration,
    /// Encoded pictures fetched and not yet decoded, in bytes.
    pub memory: ByteSize,
    /// Whether a post whose picture could not be fetched is published without it.
    pub degrade: Degrade,
}

/// The scheme of a web server's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Scheme {
    Https,
    Http,
}

impl Scheme {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// Whether a post is published without a medium that it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Degrade {
    /// The post is answered without the medium, and the answer says so.
    PublishWithout,
    /// The post becomes a dead letter.
    DeadLetter,
}

impl Config {
    /// Settings out of range: the key within the section, and the bound that it breaks.
    ///
    /// `max_post_bytes` is the most encoded bytes that the pictures of one post may have together.
    #[must_use]
    pub fn faults(&self, max_post_bytes: u64) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        let is_host = |host: &String| {
            let name = host.strip_prefix("*.").unwrap_or(host);
            url::Host::parse(name).is_ok_and(|host| host.to_string() == name)
        };
        hold(
            "hosts",
            self.hosts.iter().all(is_host),
            "must hold names such as `example.org` or `*.example.org`",
        );
        hold(
            "nat64_prefixes",
            self.nat64_prefixes.iter().all(|prefix| embedded_v4(*prefix, prefix.network()).is_some()),
            "must hold prefixes of 32, 40, 48, 56, 64 or 96 bits",
        );
        hold("redirects", self.redirects <= 20, "must be 0 to 20");
        hold("retries", self.retries <= 10, "must be 0 to 10");
        for (key, length) in [
            ("connect_timeout", self.connect_timeout),
            ("first_byte_timeout", self.first_byte_timeout),
            ("timeout", self.timeout),
            ("patience", self.patience),
            ("backoff", self.backoff),
            ("breaker_pause", self.breaker_pause),
        ] {
            hold(key, !length.is_zero(), "must be longer than nothing");
        }
        hold("per_host", (1..=10_000).contains(&self.per_host), "must be 1 to 10000");
        hold("per_post", (1..=10_000).contains(&self.per_post), "must be 1 to 10000");
        hold("breaker_failures", self.breaker_failures > 0, "must be 1 or more");
        hold("at_once", (1..=10_000).contains(&self.at_once), "must be 1 to 10000");
        let memory = self.memory.as_u64();
        if memory < max_post_bytes {
            let needed = ByteSize(max_post_bytes);
            let message = format!(
                "is {}; one post of decode.max_media pictures of decode.max_picture takes {needed}",
                self.memory
            );
            faults.push(("memory", message));
        }
        faults
    }

    pub(super) fn networks(&self) -> AllowedNetworks {
        AllowedNetworks { allowed: self.allow_networks.clone(), nat64: self.nat64_prefixes.clone() }
    }

    pub(super) fn file_root(&self) -> Option<&Path> {
        Some(self.file_root.as_path()).filter(|root| !root.as_os_str().is_empty())
    }
}
