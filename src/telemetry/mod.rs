//! Telemetry: metrics, health and the server that publishes both.
//!
//! Read [`Metrics`] (the registry; one file a group of metrics), [`Health`] (readiness and liveness), then [`serve`].

mod answer_metrics;
mod build_metrics;
mod cache_metrics;
mod causes;
mod config;
mod connections;
mod dead_letter_log;
mod dead_letter_metrics;
mod device_metrics;
mod entity_metrics;
mod feed_metrics;
mod fetch_metrics;
mod group_events;
mod health;
mod health_metrics;
mod http;
mod http_metrics;
mod ingest_metrics;
mod kafka_metrics;
mod lag_metrics;
mod latency;
mod llm_metrics;
mod log_throttle;
mod media_metrics;
mod output_metrics;
mod memory_metrics;
mod metrics;
mod negotiation;
mod open_metrics;
mod partition_metrics;
mod post_metrics;
mod registration;
mod scrape_hooks;
mod stage_metrics;
mod traffic_metrics;
mod work_progress;
#[cfg(test)]
mod tests;

pub use answer_metrics::{AnswerMetrics, AnswerSource, AnswerTier, Renewal};
pub use cache_metrics::CacheTally;
pub use causes::Causes;
pub use config::Config;
pub use connections::concerns_one_connection;
pub use dead_letter_log::{DeadLetterLog, Suppressed};
pub use device_metrics::DeviceMetrics;
pub use entity_metrics::EntityMetrics;
pub use feed_metrics::{FeedEvent, FeedMetrics};
pub use fetch_metrics::{FetchMetrics, FetchOutcome};
pub use group_events::{Rebalance, Transaction};
pub use health::{Health, Heartbeat};
pub use http::serve;
pub use http_metrics::{HttpMetrics, HttpPost, HttpRequest};
pub use ingest_metrics::{CommitFailure, IngestMetrics, Tombstone};
pub use kafka_metrics::{BrokerFigures, ClientFigures, KafkaClient, KafkaMetrics};
pub use lag_metrics::{LagMetrics, Waiting};
pub use latency::LatencyRecorder;
pub use llm_metrics::{BreakerState, InFlight, LeftOut, LlmFault, LlmMetrics};
pub use log_throttle::LogThrottle;
pub use media_metrics::MediaMetrics;
pub use memory_metrics::{MemoryMetrics, resident};
pub use metrics::Metrics;
pub use output_metrics::OutputMetrics;
pub use stage_metrics::{Outcome, Queued, StageMetrics, StageSummary};
pub use work_progress::{StallLimits, WorkProgress};
