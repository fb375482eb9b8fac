//! Engine: the parts put together, from records on Kafka to records on Kafka.
//!
//! Read [`stream`] first (reading, working, writing, and how all of it ends), then [`runtime`] (a bundle opened, its
//! networks started and warmed up).

mod stream;

pub mod runtime;

pub use stream::{EngineError, Settings, Summary, run};
