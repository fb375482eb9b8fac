//! Model hub: files of published networks come from Hugging Face's hub, a mirror of it or a plain address, once, into the
//! hub's own cache, and are verified.
//!
//! The hub's crate `hf-hub` (1.0.0) is not used: its downloads begin anew after a cut, it compares no file with its hash,
//! and it brings `hf-xet` with a second TLS library (aws-lc) along.
//!
//! Read [`access`] (endpoint, token, cache), [`client`] (what is asked of the hub), [`announced`] (what it says of a file),
//! [`download`] (bytes to the disk), [`cache`] (where files lie) and [`digest`] (their hashes).

mod access;
mod announced;
mod cache;
mod client;
mod digest;
mod download;
mod error;
mod files;
mod redirects;
mod requests;

pub use access::Access;
pub use client::Hub;
pub use error::HubError;
pub use files::{Fetched, Origin, Report, Step, Wanted};
