//! What the engine tells its operators: metrics by name, and whether it is well.

mod answer_metrics;
mod connections;
mod fetch_metrics;
mod group_events;
mod health;
mod http;
mod ingest_metrics;
mod latency;
mod letter_metrics;
mod llm_metrics;
mod memory_metrics;
mod metrics;
mod seldom;
mod stage_metrics;
#[cfg(test)]
mod tests;
mod underway;
mod watched;

pub use answer_metrics::{AnswerMetrics, AnswerSource, AnswerTier, Renewal};
pub use fetch_metrics::{FetchMetrics, FetchOutcome};
pub use group_events::{Rebalance, Transaction};
pub use health::{Health, Heartbeat};
pub use http::serve;
pub use ingest_metrics::{IngestMetrics, Tombstone};
pub use latency::LatencyRecorder;
pub use llm_metrics::{BreakerState, InFlight, LlmFault, LlmMetrics};
pub use memory_metrics::{MemoryMetrics, resident};
pub use metrics::Metrics;
pub use seldom::Seldom;
pub use stage_metrics::{Outcome, StageMetrics, StageSummary};
pub use underway::{Patience, Underway};
pub use watched::CacheTally;
