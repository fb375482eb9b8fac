//! Telemetry as operators see it, over the port of the engine; `tests/operate` has a real Prometheus.

mod build;
mod commits;
mod lag;
