//! Telemetry as operators see it: over the port of the engine and in a real Prometheus.

mod build;
mod commits;
mod lag;
