//! What operators see of an engine, asked as they ask: over its port, and of a real Prometheus.

mod build;
mod commits;
mod lag;
mod questions;
