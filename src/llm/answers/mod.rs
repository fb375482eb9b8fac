//! Answer cache: answers of language models in memory, on disk and in Redis. Each question is asked once.
//!
//! Read [`answer_cache`] first: a question goes down the tiers, from memory ([`all_tiers`]) to [`disk`] and Redis
//! ([`remote`]), and then to the language model, under a lease that other replicas respect ([`lower_tiers`]). What is found
//! goes into the tiers above it; a new answer goes into all tiers, and is durable on disk before it is returned.
//! [`freshness`] decides how long an answer is used, [`codec`] which bytes are read, and the request's [`Validator`] which
//! texts are accepted, since others can write to a shared store. A tier that fails is skipped. [`Archive`] gives the
//! command line the tiers without an engine.

mod all_tiers;
mod answer_cache;
mod archive;
mod codec;
mod config;
mod disk;
mod freshness;
mod id;
mod lower_tiers;
mod purge_filter;
mod purge_listener;
mod record;
mod remote;
mod request;
mod signer;
#[cfg(test)]
mod tests;

pub use answer_cache::{AnswerCache, AnswersError};
pub use archive::{Archive, ArchiveError};
pub use codec::{MAX_RECORD_BYTES, fits};
pub use config::{Address, Config};
pub use disk::DiskError;
pub use id::{AnswerId, Kind};
pub use purge_filter::PurgeFilter;
pub use record::{MAX_SUBJECT_CHARS, Record, time_of_millis, unix_millis};
pub use remote::RemoteError;
pub use request::{AnswerRequest, NewAnswer, Validator};
