//! The section `view` of the configuration.

use bytesize::ByteSize;
use serde::Deserialize;

use super::address::{is_loopback, port};
use crate::common::secret::Secret;

/// Where the page of `riveg view` and `riveg run --view` is, who may open it, and how much of the feed it keeps.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Address, `host:port`; empty: `run` has no page.
    pub address: String,
    /// What readers type in once; empty: nothing is asked for.
    pub token: Secret,
    /// Posts in the window.
    pub posts: usize,
    /// Bytes of the window: answers, texts and pictures that came within their records.
    pub memory: ByteSize,
    /// Whether the page may send dead letters again.
    pub replay: bool,
    /// The most connections; at most half of them follow the feed.
    pub max_connections: usize,
}

/// Far above what anyone scrolls through.
const MOST_POSTS: usize = 100_000;

/// One large post with its pictures.
const LEAST_MEMORY: u64 = 8 << 20;

impl View {
    /// Whether there is an address.
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
        let is_bindable = !self.is_on() || port(&self.address).is_some();
        hold("address", is_bindable, "must be `host:port`, or empty for none");
        let is_safe = !self.is_on() || !is_bindable || is_loopback(&self.address) || !self.token.is_empty();
        let open = format!(
            "is `{}`, which is not a loopback address, and view.token is empty: anyone who reaches it could read the \
             feed; set a token, or the address 127.0.0.1",
            self.address
        );
        hold("address", is_safe, &open);
        let is_plain = self.token.expose().chars().all(|letter| letter.is_ascii_graphic());
        hold("token", is_plain, "must be ASCII without spaces");
        hold("posts", (1..=MOST_POSTS).contains(&self.posts), "must be 1 to 100000");
        let memory = self.memory.as_u64();
        hold("memory", (LEAST_MEMORY..=1 << 40).contains(&memory), "must be 8MiB to 1TiB");
        hold("max_connections", (2..=10_000).contains(&self.max_connections), "must be 2 to 10000");
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
    fn a_page_that_others_reach_needs_a_token() {
        for address in ["", "127.0.0.1:0", "[::1]:80", "localhost:8090"] {
            assert_eq!(faults(&[&format!("view.address={address}")]), "", "{address}");
        }
        for address in ["0.0.0.0:80", "10.0.0.1:80", "example.org:80"] {
            let set = format!("view.address={address}");
            let fault = faults(&[&set]);
            assert!(fault.contains("view.address") && fault.contains("view.token is empty"), "{fault}");
            assert_eq!(faults(&[&set, "view.token=canary"]), "", "{address}");
        }
        let fault = faults(&["view.token=two words"]);
        assert!(fault.contains("view.token") && !fault.contains("two words"), "{fault}");
    }

    #[test]
    fn the_window_has_bounds() {
        for set in ["view.posts=0", "view.posts=100001", "view.memory=1MiB", "view.max_connections=1"] {
            assert!(faults(&[set]).contains("view."), "{set}");
        }
    }
}
