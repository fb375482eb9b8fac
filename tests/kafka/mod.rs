//! The engine with Kafka: from the input topic to output and dead-letter topics, with an echo pipeline.
//!
//! `embedded` uses the broker inside the process, for quick tests. `delivery` uses Apache Kafka, for behaviour that only a
//! real broker can prove.

mod carried_fields;
mod echo;
mod embedded;
mod outputs;
mod partition_ends;
mod exactly_once;
mod faults;
mod feeds;
mod group;
mod hanging_broker;
mod data_loss;
mod poison;
mod process;
mod qualification;
mod delivery;
mod rights;
mod running;
mod schemas;
mod security;
mod sizes;
mod telemetry;
mod tombstones;
mod topics;

pub(crate) use echo::{EchoPipeline, post};
pub(crate) use process::EngineProcess;
pub(crate) use running::{RunningEngine, TestTopics};
