//! Fetching pictures by URL from web servers, object stores and files, within one set of limits.
//!
//! URLs are untrusted. `target` checks the URL, `resolve` and `allowed_networks` the addresses behind it, again at
//! every redirect. `web` and `body` bound a server's answer, `host_limits` the number of requests at one time,
//! `attempts` the time and the retries, and `host_breakers` keep away from hosts that do not answer. `byte_budget`
//! bounds the memory of all of it; a [`PostShare`] is one post's part. The bytes that arrive are checked in
//! [`crate::input::decode`].

mod allowed_networks;
mod attempts;
mod body;
mod bucket;
mod byte_budget;
mod config;
mod error;
mod fetcher;
mod file;
mod host_breakers;
mod host_limits;
mod ledger;
mod resolve;
mod shared;
mod stores;
mod target;
#[cfg(test)]
mod tests;
mod web;

pub use bucket::{Bucket, Store};
pub use byte_budget::PostShare;
pub use config::{Config, Degrade, Scheme};
pub use error::{FetchError, FetchErrorKind};
pub use fetcher::{Fetcher, FetcherError};
