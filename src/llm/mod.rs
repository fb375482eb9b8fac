//! Language models: questions asked over HTTP, their answers checked and cached.
//!
//! Read [`client`] first (endpoints, limits, retries), then [`cached`] (a question, its cache key, what of an answer is
//! accepted) and [`answers`] (the cache: memory, disk, Redis).

pub mod answers;
pub mod cached;
pub mod client;
