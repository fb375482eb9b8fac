//! The section `http` of the configuration.

use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;

use super::address::{is_loopback, port};
use crate::common::secret::Secret;

/// Where posts are taken over HTTP, who may send them, and how many at one time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address, `host:port`; empty: posts are not taken over HTTP.
    pub address: String,
    /// What clients send as `Authorization: Bearer TOKEN`; empty: nothing is asked for.
    pub token: Secret,
    /// Posts from HTTP that are worked on at one time.
    pub posts_in_flight: usize,
    /// The most posts of one request.
    pub max_posts: usize,
    /// The longest body of a request, decompressed, in bytes.
    pub max_body: ByteSize,
    /// The bytes of the bodies of all requests together.
    pub memory: ByteSize,
    /// How long a request may take; clients may ask for less.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How long the body of a request may take to arrive, and a client to take the next part of an answer.
    #[serde(with = "humantime_serde")]
    pub transfer_timeout: Duration,
    /// The most connections.
    pub max_connections: usize,
}

/// The most permits of a semaphore that counts posts or connections: far above what one process works on.
const MOST: usize = 100_000;

impl Http {
    /// Whether posts are taken over HTTP.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.address.is_empty()
    }

    /// Range faults: the key within the section, and why its value cannot work.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        let Self { address, posts_in_flight, max_posts, max_body, memory, .. } = self;
        let is_bindable = !self.is_on() || port(address).is_some();
        hold("address", is_bindable, "must be `host:port`, or empty for none");
        let is_safe = !self.is_on() || !is_bindable || is_loopback(address) || !self.token.is_empty();
        // Of the token itself nothing is told.
        let open = format!(
            "is `{address}`, which is not a loopback address, and http.token is empty: anyone who reaches it could use \
             the engine; set a token, or the address 127.0.0.1"
        );
        hold("address", is_safe, &open);
        let is_plain = self.token.expose().chars().all(|letter| letter.is_ascii_graphic());
        hold("token", is_plain, "must be ASCII without spaces: it is sent in a header");
        hold("posts_in_flight", (1..=MOST).contains(posts_in_flight), "must be 1 to 100000");
        let is_within = (1..=*posts_in_flight).contains(max_posts);
        hold("max_posts", is_within, "must be at least 1, and not more than http.posts_in_flight");
        hold("max_body", max_body.as_u64() > 0, "must be at least 1 byte");
        let holds_one = memory.as_u64() >= max_body.as_u64().saturating_mul(2);
        hold(
            "memory",
            holds_one,
            "must be twice http.max_body or more: a body may be there compressed and decompressed",
        );
        hold("memory", memory.as_u64() <= 1 << 40, "must not be more than 1TiB");
        hold("timeout", !self.timeout.is_zero(), "must be longer than nothing");
        hold("transfer_timeout", !self.transfer_timeout.is_zero(), "must be longer than nothing");
        hold("max_connections", (1..=MOST).contains(&self.max_connections), "must be 1 to 100000");
        faults
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources};

    fn faults(sets: &[&str]) -> String {
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        match Config::load(&Sources { sets, ..Sources::default() }) {
            Ok(_) => String::new(),
            Err(faults) => faults.to_string(),
        }
    }

    #[test]
    fn an_address_that_others_reach_needs_a_token() {
        for address in ["", "127.0.0.1:0", "[::1]:80", "localhost:8080", "127.8.0.1:8080"] {
            assert_eq!(faults(&[&format!("http.address={address}")]), "", "{address}");
        }
        for address in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "example.org:80"] {
            let set = format!("http.address={address}");
            let fault = faults(&[&set]);
            assert!(fault.contains("http.address") && fault.contains("http.token is empty"), "{fault}");
            assert_eq!(faults(&[&set, "http.token=canary"]), "", "{address}");
        }
        assert!(faults(&["http.address=8080"]).contains("must be `host:port`"));
        let fault = faults(&["http.token=two words"]);
        assert!(fault.contains("http.token") && !fault.contains("two words"), "{fault}");
    }

    #[test]
    fn a_request_fits_into_what_all_may_have() {
        for sets in [
            ["http.posts_in_flight=4", "http.max_posts=5"],
            ["http.max_body=2MiB", "http.memory=3MiB"],
            ["http.posts_in_flight=0", "http.timeout=0s"],
        ] {
            assert!(faults(&sets).contains("http."), "{sets:?}");
        }
    }
}
