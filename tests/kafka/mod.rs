//! The engine with Kafka: from the input topic to output and dead-letter topics, with an echo pipeline.
//!
//! `embedded` uses the broker inside the process, for quick tests. `real` uses Apache Kafka, for behaviour that only a
//! real broker can prove.

mod carried;
mod echo;
mod embedded;
mod ends;
mod exactly_once;
mod faults;
mod group;
mod hang;
mod loss;
mod poison;
mod process;
mod qualification;
mod real;
mod rights;
mod running;
mod security;
mod sizes;
mod telemetry;
mod tombstones;

pub(crate) use echo::{Echo, post};
pub(crate) use process::Engine;
pub(crate) use running::{Names, Running};
