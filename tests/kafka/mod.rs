//! The engine between a topic and two others, with a pipeline that echoes.
//!
//! `embedded` runs against the broker inside the process, for what happens often and quickly; `real` against Apache
//! Kafka, for what only a real broker can prove.

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
